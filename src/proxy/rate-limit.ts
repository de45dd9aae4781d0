import type { Duplex } from 'node:stream'
import type { Patience, RequestBody } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { isIdempotent } from './outgoing-request.ts'

/** A refusal of CONNECT is never an origin's, and a tunnel's client is told the reason by this proxy only. */
export function tunnelPatience(
  { rateLimit }: ProxyDependencies,
  client: Duplex,
): Patience | undefined {
  if (rateLimit.retry === 'off') return undefined
  const { maxTotalMs, maxWaitMs } = rateLimit
  return { maxTotalMs, maxWaitMs, refusedByUpstream: true, whenClientEnds: whenEnded(client) }
}

/** It is not always clear here who refused a request, so waiting is opt-in. */
export function forwardPatience(
  { rateLimit }: ProxyDependencies,
  client: Duplex,
  method: string,
  body: RequestBody | undefined,
): Patience | undefined {
  if (rateLimit.retry !== 'all' || body !== undefined || !isIdempotent(method)) return undefined
  const { maxTotalMs, maxWaitMs } = rateLimit
  return { maxTotalMs, maxWaitMs, refusedByUpstream: false, whenClientEnds: whenEnded(client) }
}

function whenEnded(stream: Duplex): Patience['whenClientEnds'] {
  return action => {
    if (stream.readableEnded) action()
    else stream.once('end', action)
    return () => void stream.off('end', action)
  }
}
