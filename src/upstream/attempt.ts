import type { CancelSignal } from '../core/index.ts'
import type { RequestHead, ResponseHead } from '../http1/index.ts'
import type { AttemptPhase, RateLimitOptions } from '../policy/index.ts'
import type { Exchange } from './exchange.ts'
import type { RequestBody } from './request-body.ts'
import type { Lease, SessionOwner } from './lease.ts'

/** Through a parent proxy, or straight to the target. */
export type Way = 'upstream' | 'direct'

/** What a request cost, gathered while it is carried; all in milliseconds. */
export interface Trace {
  /** The way of the last attempt. */
  way: Way | undefined
  /** Where the last attempt went to. */
  upstream: string | undefined
  attempts: number
  connectMs: number
  authMs: number
}

export function newTrace(): Trace {
  return { way: undefined, upstream: undefined, attempts: 0, connectMs: 0, authMs: 0 }
}

/** A request on its way to an upstream or an origin: head and framing are final, only credentials may be added. */
export interface Call {
  /** The head as the way wants it: a parent proxy gets the whole URL, an origin its path. */
  readonly requestFor: (way: Way) => RequestHead
  readonly body: RequestBody | undefined
  /** RFC 9110 section 9.2.2. CONNECT counts: nothing of the client's is sent before its 2xx. */
  readonly isIdempotent: boolean
  readonly signal: CancelSignal
  readonly onInformational: (head: ResponseHead) => void
  readonly trace: Trace
  /** Whose sessions come before all others: those that the client's own logon at an origin is bound to. */
  readonly owner?: SessionOwner | undefined
  /** The client's address: sessions are shared out among clients. */
  readonly client?: string | undefined
  /** Waits and is sent again when an upstream limits it; without it such an answer is an answer like any other. */
  readonly patience?: Patience | undefined
}

export interface Patience extends RateLimitOptions {
  /** Every refusal is the upstream's own, as that of a CONNECT is: otherwise those that come from origins are told apart. */
  readonly refusedByUpstream: boolean
  /**
   * Calls back when the client has ended its side, at once when it has already; what it gives calls that off. A client that ends
   * may still read, but most that do have given up, and for them no upstream is to be asked again and again.
   */
  readonly whenClientEnds: (action: () => void) => () => void
}

/** One try of a call on one session. */
export interface Attempt {
  readonly call: Call
  readonly request: RequestHead
  readonly lease: Lease
  phase: AttemptPhase
  /** Set when the credential was rejected, but may be sent at once in another reading of its hashes. */
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
