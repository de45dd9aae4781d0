import { type Listed, ProxyError, type SessionId } from '../core/index.ts'
import type { SpareGrade } from '../policy/index.ts'
import type { Share } from './client-shares.ts'
import type { DetachedStream, UpstreamConnection } from './connection.ts'
import type { Challenged } from './logon.ts'

/** How a session was prepared before a request needed it. */
export interface Spare {
  readonly grade: SpareGrade
  /** A logon already begun, for the request to complete. */
  readonly challenged?: Challenged
}

/** A connection to one upstream under one identity, and its state. */
export interface Session extends Listed {
  readonly id: SessionId
  readonly connection: UpstreamConnection
  /** The upstream accepted this very connection, or requires no authentication on it. */
  isReady: boolean
  /** Completed requests. */
  uses: number
  /** Milliseconds that dialling took. */
  readonly dialMs: number
  /** The only client connection that may use it; undefined: any. */
  owner: SessionOwner | undefined
  /** Set while the session is preconnected and has carried no request yet. */
  spare: Spare | undefined
  /** Share of the client that holds the lease; undefined while the session is idle. */
  share: Share | undefined
}

/**
 * A client's connection. When a client logs on to an origin with NTLM or Negotiate, the origin, and a parent proxy on the way, attribute
 * the connection to that client from then on (RFC 4559 section 6): no other client may send anything over it.
 */
export interface SessionOwner {
  /** Calls back when the connection is gone. */
  whenClosed(action: () => void): void
}

/** The pool's reactions to state changes of a lease. */
export interface LeaseEndings {
  connected(lease: Lease): void
  ready(lease: Lease): void
  bind(lease: Lease, owner: SessionOwner): void
  release(lease: Lease): void
  park(lease: Lease, spare: Spare, maxAgeMs: number): void
  discard(lease: Lease, error: ProxyError | undefined): void
  detach(lease: Lease): DetachedStream
}

/** The right to use a session, ended exactly once by `release`, `park`, `discard` or `detach`. */
export class Lease implements Listed {
  place = -1
  readonly session: Session
  /** Whether the session was ready when it was leased. */
  readonly wasReady: boolean
  /** Whether it was preconnected and unused when it was leased. */
  readonly wasSpare: boolean
  readonly #endings: LeaseEndings
  #ended = false
  #needed: Promise<unknown> | undefined

  constructor(session: Session, endings: LeaseEndings) {
    this.session = session
    this.wasReady = session.isReady
    this.wasSpare = session.spare !== undefined
    this.#endings = endings
  }

  /** The session is established and no longer counts as connecting. */
  markConnected(): void {
    this.#endings.connected(this)
  }

  /** The upstream accepted the connection: it may carry requests without credentials from now on. */
  markReady(): void {
    this.#endings.ready(this)
  }

  /** This proxy still needs the connection itself: discarding waits for `end`. */
  neededUntil(end: Promise<unknown>): void {
    this.#needed = end
  }

  /** From now on the session serves only its owner, and closes with it. */
  bindTo(owner: SessionOwner): void {
    this.#endings.bind(this, owner)
  }

  /** Returns the session to the pool for the next request. */
  release(): void {
    this.#end()
    this.#endings.release(this)
  }

  /** Returns the session to the pool as a spare, which closes if no request takes it within `maxAgeMs`. */
  park(spare: Spare, maxAgeMs: number): void {
    this.#end()
    this.#endings.park(this, spare, maxAgeMs)
  }

  /** Closes the connection. Discarding an ended lease is allowed and does nothing. */
  discard(error?: ProxyError): void {
    if (this.#ended) return
    this.#end()
    const discard = (): void => this.#endings.discard(this, error)
    if (this.#needed === undefined) discard()
    else this.#needed.then(discard, discard)
  }

  /** Removes the stream from the pool permanently. */
  detach(): DetachedStream {
    this.#end()
    return this.#endings.detach(this)
  }

  #end(): void {
    if (this.#ended) throw new ProxyError('BUG', { detail: 'a lease was ended twice' })
    this.#ended = true
  }
}
