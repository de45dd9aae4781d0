import type { CancelSignal } from '../core/index.ts'
import type { RequestHead, ResponseHead } from '../http1/index.ts'
import type { AttemptPhase, RateLimitOptions } from '../policy/index.ts'
import type { Exchange } from './exchange.ts'
import type { RequestBody } from './request-body.ts'
import type { Lease, SessionOwner } from './lease.ts'

/** Through a parent proxy, or straight to the target. */
export type Way = 'upstream' | 'direct'

/** What a request cost, collected while it is sent; times in milliseconds. */
export interface Trace {
  /** Route of the last attempt. */
  way: Way | undefined
  /** Label of the upstream or origin of the last attempt. */
  upstream: string | undefined
  attempts: number
  connectMs: number
  authMs: number
}

export function newTrace(): Trace {
  return { way: undefined, upstream: undefined, attempts: 0, connectMs: 0, authMs: 0 }
}

/** A request to an upstream or an origin: head and framing are final, only credentials may be added. */
export interface Call {
  /** The head for a route: a parent proxy gets the whole URL, an origin its path. */
  readonly requestFor: (way: Way) => RequestHead
  readonly body: RequestBody | undefined
  /** RFC 9110 section 9.2.2. CONNECT counts: nothing from the client is sent before its 2xx. */
  readonly isIdempotent: boolean
  readonly signal: CancelSignal
  readonly onInformational: (head: ResponseHead) => void
  readonly trace: Trace
  /** Sessions of this owner come first: the client's own logon at an origin is bound to them. */
  readonly owner?: SessionOwner | undefined
  /** The client's address, for sharing sessions among clients. */
  readonly client?: string | undefined
  /** If set, the call waits and is retried when an upstream rate-limits it; otherwise such an answer is like any other. */
  readonly patience?: Patience | undefined
}

export interface Patience extends RateLimitOptions {
  /** Every refusal is the upstream's own, as for a CONNECT; otherwise refusals that come from origins are passed on. */
  readonly refusedByUpstream: boolean
  /**
   * Calls back when the client has closed its side, immediately if it already has. @returns a function that unsubscribes. A half-closed
   * client may still read, but most have given up and do not justify further retries.
   */
  readonly whenClientEnds: (action: () => void) => () => void
}

/** One try of a call on one session. */
export interface Attempt {
  readonly call: Call
  readonly request: RequestHead
  readonly lease: Lease
  phase: AttemptPhase
  /** Set when the credential was rejected, but another reading of its hashes may be sent immediately. */
  otherReading: boolean
}

/** From now on the attempt waits for the answer to the request itself. */
export function beginRequest(attempt: Attempt): void {
  attempt.phase = 'request'
  attempt.lease.markConnected()
}

/** An answer and its session; the recipient ends the lease. */
export interface Delivered {
  readonly exchange: Exchange
  readonly lease: Lease
}
