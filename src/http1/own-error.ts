import type { RequestHead, ResponseHead } from './head.ts'
import { wasPassedOn } from './rate-limit.ts'

/**
 * Whether a proxy answers with a 502, 503 or 504 of its own (RFC 9110 section 15.6): it could not reach the target, where another
 * proxy may. What answers a CONNECT is always the proxy's own; of other answers those that bear marks of an origin are not.
 */
export function isOwnError({ method }: RequestHead, head: ResponseHead): boolean {
  const { status } = head
  if (status < 502 || status > 504) return false
  return method === 'CONNECT' || !wasPassedOn(head)
}
