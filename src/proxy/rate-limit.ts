import type { Patience, RequestBody } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { isIdempotent } from './outgoing-request.ts'

/** No client of a tunnel learns from anybody but this proxy why there is none: a refusal of CONNECT is never an origin's. */
export function tunnelPatience({ rateLimit }: ProxyDependencies): Patience | undefined {
  return rateLimit.retry === 'off' ? undefined : { ...rateLimit, refusedByUpstream: true }
}

/** Whose refusal it is cannot always be told here, so waiting has to be asked for. */
export function forwardPatience(
  { rateLimit }: ProxyDependencies,
  method: string,
  body: RequestBody | undefined,
): Patience | undefined {
  if (rateLimit.retry !== 'all' || body !== undefined || !isIdempotent(method)) return undefined
  return { ...rateLimit, refusedByUpstream: false }
}
