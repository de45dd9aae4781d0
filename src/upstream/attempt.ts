import type { RequestHead, ResponseHead } from '../http1/index.ts'
import type { AttemptPhase } from '../policy/index.ts'
import type { Exchange } from './exchange.ts'
import type { RequestBody } from './request-body.ts'
import type { Lease } from './session-pool.ts'

/** What a request cost, gathered while it is carried; all in milliseconds. */
export interface Trace {
  upstream: string | undefined
  attempts: number
  connectMs: number
  authMs: number
}

/** A request on its way to an upstream or an origin: head and framing are final, only credentials may be added. */
export interface Call {
  readonly request: RequestHead
  readonly body: RequestBody | undefined
  /** RFC 9110 section 9.2.2. CONNECT counts: nothing of the client's is sent before its 2xx. */
  readonly isIdempotent: boolean
  readonly signal: AbortSignal
  readonly onInformational: (head: ResponseHead) => void
  readonly trace: Trace
}

/** One try of a call on one session. */
export interface Attempt {
  readonly call: Call
  readonly lease: Lease
  phase: AttemptPhase
  /** Set when the credential was rejected, but may be shown at once in another reading of its hashes. */
  otherReading: boolean
}

/** From now on it is the answer to the request itself that is waited for. */
export function beginRequest(attempt: Attempt): void {
  attempt.phase = 'request'
  attempt.lease.markConnected()
}

/** An answer and the session it comes over: whoever gets it ends the lease. */
export interface Delivered {
  readonly exchange: Exchange
  readonly lease: Lease
}
