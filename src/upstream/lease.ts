import { type Listed, ProxyError, type SessionId } from '../core/index.ts'
import type { SpareGrade } from '../policy/index.ts'
import type { Share } from './client-shares.ts'
import type { DetachedStream, UpstreamConnection } from './connection.ts'
import type { Challenged } from './logon.ts'

/** What was done for a session before a request wanted it. */
export interface Spare {
  readonly grade: SpareGrade
  /** The logon that the request ends, where it was begun. */
  readonly challenged?: Challenged
}

/** A connection to one upstream under one identity, and what is known of it. */
export interface Session extends Listed {
  readonly id: SessionId
  readonly connection: UpstreamConnection
  /** The upstream accepted this very connection, or wants no authentication on it. */
  isReady: boolean
  /** Requests that it carried to their end. */
  uses: number
  /** Milliseconds that dialling took; 0 when it was there already. */
  readonly dialMs: number
  /** Whoever alone may use it; undefined for everybody. */
  owner: SessionOwner | undefined
  /** Set while it was made ahead and has carried no request yet. */
  spare: Spare | undefined
  /** Of the client that it is lent for; undefined while it is idle. */
  share: Share | undefined
}

/**
 * A client's connection. When a client logs on to an origin with NTLM or Negotiate, the origin, and a parent proxy on the way,
 * take the connection for the client's from then on (RFC 4559 section 6): nobody else may send anything over it.
 */
export interface SessionOwner {
  /** Calls back when the connection is gone. */
  whenClosed(action: () => void): void
}

/** What the pool does when a lease comes to a turn. */
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
  /** Whether the session had been ready when it was lent. */
  readonly wasReady: boolean
  /** Whether it had been made ahead, and no request had used it. */
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

  /** Nothing more is done to make the session: it counts among those that are being made no longer. */
  markConnected(): void {
    this.#endings.connected(this)
  }

  /** The upstream accepted the connection: it may carry requests without credentials from now on. */
  markReady(): void {
    this.#endings.ready(this)
  }

  /** The connection is still needed for something of our own: discarding it waits for that. */
  neededUntil(end: Promise<unknown>): void {
    this.#needed = end
  }

  /** From now on the session serves its owner alone, and is closed with it. */
  bindTo(owner: SessionOwner): void {
    this.#endings.bind(this, owner)
  }

  /** Back to the pool, for the next request. */
  release(): void {
    this.#end()
    this.#endings.release(this)
  }

  /** To the pool as a spare, to be closed when no request wants it within `maxAgeMs`. */
  park(spare: Spare, maxAgeMs: number): void {
    this.#end()
    this.#endings.park(this, spare, maxAgeMs)
  }

  /** Closes the connection. Ending a lease a second time by discarding it is allowed and does nothing. */
  discard(error?: ProxyError): void {
    if (this.#ended) return
    this.#end()
    const discard = (): void => this.#endings.discard(this, error)
    if (this.#needed === undefined) discard()
    else this.#needed.then(discard, discard)
  }

  /** Takes the stream out of the pool for good. */
  detach(): DetachedStream {
    this.#end()
    return this.#endings.detach(this)
  }

  #end(): void {
    if (this.#ended) throw new ProxyError('BUG', { detail: 'a lease was ended twice' })
    this.#ended = true
  }
}
