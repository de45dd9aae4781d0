import type { RequestHead, ResponseHead } from './head.ts'
import { wasPassedOn } from './rate-limit.ts'

/**
 * Whether a 502, 503 or 504 comes from the proxy itself (RFC 9110 section 15.6): it could not reach the target, but
 * another proxy may. A response to CONNECT is always the proxy's own; any other is unless it shows signs of an origin.
 */
export function isOwnError({ method }: RequestHead, head: ResponseHead): boolean {
  const { status } = head
  if (status < 502 || status > 504) return false
  return method === 'CONNECT' || !wasPassedOn(head)
}
