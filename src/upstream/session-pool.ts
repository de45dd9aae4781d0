import type { Duplex } from 'node:stream'
import {
  type CancelSignal,
  type Clock,
  type Emit,
  ProxyError,
  type SessionId,
  type Timer,
  toProxyError,
} from '../core/index.ts'
import { type DetachedStream, UpstreamConnection } from './connection.ts'

/** A connection to one upstream under one identity, and what is known of it. */
export interface Session {
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
}

/**
 * A client's connection. When a client logs on to an origin with NTLM or Negotiate, the origin, and a parent proxy on the way,
 * take the connection for the client's from then on (RFC 4559 section 6): nobody else may send anything over it.
 */
export interface SessionOwner {
  /** Calls back when the connection is gone. */
  whenClosed(action: () => void): void
}

export interface PoolCounts {
  readonly idle: number
  readonly busy: number
  readonly connecting: number
  readonly waiting: number
}

export interface AcquireOptions {
  /** A new connection, where a kept one turned out to be dead. */
  readonly wantsFresh?: boolean
  /** Its own sessions come first. */
  readonly owner?: SessionOwner | undefined
}

export interface PoolOptions {
  readonly label: string
  readonly clock: Clock
  readonly emit: Emit
  readonly nextId: () => number
  readonly dial: (signal: CancelSignal) => Promise<Duplex>
  /** Sessions at once; a tunnel's connection does not count any more. */
  readonly maxSessions: number
  /** Connections that are being made or authenticated at once. */
  readonly maxConnecting: number
  readonly idleMs: number
  /** How long a request waits for a session. */
  readonly waitMs: number
  /** How many may wait. */
  readonly maxWaiting: number
}

interface Waiter {
  readonly wantsFresh: boolean
  readonly owner: SessionOwner | undefined
  readonly signal: CancelSignal
  /** It gave up: a connection that is being made for it goes to somebody else. */
  hasLeft: boolean
  resolve(lease: Lease): void
  reject(error: ProxyError): void
}

/** Sessions of one upstream: lent, taken back, reaped when idle. One pump makes all decisions. */
export class SessionPool {
  readonly #options: PoolOptions
  readonly #idle: { session: Session; timer: Timer }[] = []
  readonly #waiters: Waiter[] = []
  readonly #all = new Set<Session>()
  /** Connections that are being dialled: they are no sessions yet. */
  #dialing = 0
  /** These, and sessions that are being authenticated. */
  #connecting = 0
  #isRetired = false
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get counts(): PoolCounts {
    const idle = this.#idle.length
    return {
      idle,
      busy: this.#all.size - idle,
      connecting: this.#connecting,
      waiting: this.#waiters.length,
    }
  }

  /**
   * Lends a session: a ready one if there is one and none is asked to be fresh, else a new connection.
   * @throws ProxyError DIAL_*, NO_DESCRIPTORS, POOL_TIMEOUT, QUEUE_FULL, DRAINING, CLIENT_ABORTED.
   */
  async acquire(
    signal: CancelSignal,
    { wantsFresh = false, owner }: AcquireOptions = {},
  ): Promise<Lease> {
    if (this.#isClosed) throw new ProxyError('DRAINING')
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const ready = wantsFresh ? undefined : this.#takeIdle(owner)
    if (ready !== undefined) return ready
    const { clock, label, maxWaiting, waitMs } = this.#options
    let timer: Timer | undefined
    let onAbort = (): void => undefined
    try {
      return await new Promise<Lease>((resolve, reject) => {
        const waiter: Waiter = { wantsFresh, owner, signal, hasLeft: false, resolve, reject }
        const leave = (error: ProxyError): void => {
          const at = this.#waiters.indexOf(waiter)
          if (at >= 0) this.#waiters.splice(at, 1)
          waiter.hasLeft = true
          reject(error)
        }
        onAbort = () => leave(new ProxyError('CLIENT_ABORTED'))
        signal.addEventListener('abort', onAbort, { once: true })
        timer = clock.setTimer(waitMs, () =>
          leave(new ProxyError('POOL_TIMEOUT', { detail: `${label}, after ${waitMs} ms` })),
        )
        this.#waiters.push(waiter)
        this.#pump()
        if (this.#waiters.length > maxWaiting && this.#waiters.at(-1) === waiter)
          leave(
            new ProxyError('QUEUE_FULL', {
              detail: `${maxWaiting} wait for ${label} (MaxWaiting)`,
            }),
          )
      })
    } finally {
      timer?.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Everybody who waits is told to look elsewhere: the upstream was just found to be down. */
  rejectWaiters(error: ProxyError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** Closes what is idle: it leads to an upstream that was just found to be down. */
  dropIdle(): void {
    for (const { session } of [...this.#idle]) session.connection.destroy()
  }

  /** Keeps nothing any more: what is idle is closed, and every session in use when it comes back. Still lends new ones. */
  retire(): void {
    this.#isRetired = true
    this.dropIdle()
  }

  /** Closes everything now and lends nothing more. */
  destroy(): void {
    this.#isClosed = true
    this.rejectWaiters(new ProxyError('DRAINING'))
    for (const session of [...this.#all]) session.connection.destroy()
  }

  #pump(): void {
    while (this.#waiters.length > 0) {
      const reuser = this.#waiters.findIndex(waiter => !waiter.wantsFresh)
      const ready = reuser >= 0 ? this.#takeIdle(this.#waiters[reuser]?.owner) : undefined
      if (ready !== undefined) this.#waiters.splice(reuser, 1)[0]?.resolve(ready)
      else if (!this.#mayConnect()) return
      else this.#connect(this.#waiters.shift())
    }
  }

  #mayConnect(): boolean {
    const { maxConnecting, maxSessions } = this.#options
    if (this.#connecting >= maxConnecting) return false
    if (this.#all.size + this.#dialing < maxSessions) return true
    // Only idle sessions that nobody may take (everybody wants a fresh one, or they are somebody else's) are in the way:
    // the oldest goes, and its end pumps anew.
    this.#idle[0]?.session.connection.destroy()
    return false
  }

  #connect(waiter: Waiter | undefined): void {
    if (waiter === undefined) return
    const { clock, dial, emit, label, nextId } = this.#options
    const startedAt = clock.now()
    this.#connecting++
    this.#dialing++
    dial(waiter.signal).then(
      stream => {
        this.#dialing--
        const connection = new UpstreamConnection(stream, clock)
        const dialMs = clock.now() - startedAt
        const session: Session = {
          id: nextId() as SessionId,
          connection,
          isReady: false,
          uses: 0,
          dialMs,
          owner: undefined,
        }
        this.#all.add(session)
        connection.onClosed = reason => this.#forget(session, reason)
        emit({ type: 'session.dialed', session: session.id, upstream: label, ms: dialMs })
        const lease = new Lease(session, this.#endings(session, true))
        const taker = waiter.hasLeft ? this.#waiters.shift() : waiter
        if (taker === undefined || this.#isClosed) {
          taker?.reject(new ProxyError('DRAINING'))
          lease.discard()
        } else {
          taker.resolve(lease)
        }
      },
      (error: unknown) => {
        this.#dialing--
        this.#connecting--
        const failure = toProxyError(error)
        waiter.reject(failure)
        // What one dial found out holds for all who wait: they need not find it out one after the other.
        if (failure.code !== 'CLIENT_ABORTED') this.rejectWaiters(failure)
        this.#pump()
      },
    )
  }

  #takeIdle(owner: SessionOwner | undefined): Lease | undefined {
    // The last one used is the least likely to have been closed by the upstream meanwhile.
    const owned =
      owner === undefined ? -1 : this.#idle.findLastIndex(({ session }) => session.owner === owner)
    const at =
      owned >= 0 ? owned : this.#idle.findLastIndex(({ session }) => session.owner === undefined)
    const [entry] = at < 0 ? [] : this.#idle.splice(at, 1)
    if (entry === undefined) return undefined
    entry.timer.cancel()
    const { session } = entry
    this.#options.emit({
      type: 'session.reused',
      session: session.id,
      upstream: this.#options.label,
      uses: session.uses,
    })
    return new Lease(session, this.#endings(session, false))
  }

  #endings(session: Session, isConnecting: boolean): LeaseEndings {
    let counted = isConnecting
    const settle = (): void => {
      if (!counted) return
      counted = false
      this.#connecting--
    }
    return {
      connected: () => {
        settle()
        this.#pump()
      },
      ready: () => {
        session.isReady = true
        settle()
        this.#pump()
      },
      bind: owner => {
        if (session.owner !== undefined) return
        session.owner = owner
        owner.whenClosed(() => session.connection.destroy())
      },
      release: () => {
        settle()
        this.#takeBack(session)
        this.#pump()
      },
      discard: error => {
        settle()
        session.connection.destroy(error)
        this.#pump()
      },
      detach: () => {
        settle()
        this.#all.delete(session)
        const detached = session.connection.detach()
        this.#pump()
        return detached
      },
    }
  }

  #takeBack(session: Session): void {
    session.uses++
    if (this.#isRetired || this.#isClosed || !session.isReady || !session.connection.isIdle) {
      session.connection.destroy()
      return
    }
    const timer = this.#options.clock.setTimer(this.#options.idleMs, () =>
      session.connection.destroy(new ProxyError('UPSTREAM_CLOSED', { detail: 'idle' })),
    )
    this.#idle.push({ session, timer })
  }

  #forget(session: Session, reason: string): void {
    const at = this.#idle.findIndex(entry => entry.session === session)
    if (at >= 0) this.#idle.splice(at, 1)[0]?.timer.cancel()
    if (!this.#all.delete(session)) return
    this.#options.emit({
      type: 'session.closed',
      session: session.id,
      upstream: this.#options.label,
      reason,
    })
    this.#pump()
  }
}

interface LeaseEndings {
  connected(): void
  ready(): void
  bind(owner: SessionOwner): void
  release(): void
  discard(error: ProxyError | undefined): void
  detach(): DetachedStream
}

/** The right to use a session, ended exactly once by `release`, `discard` or `detach`. */
export class Lease {
  readonly session: Session
  /** Whether the session had been ready when it was lent. */
  readonly wasReady: boolean
  readonly #endings: LeaseEndings
  #ended = false

  constructor(session: Session, endings: LeaseEndings) {
    this.session = session
    this.wasReady = session.isReady
    this.#endings = endings
  }

  /** Nothing more is done to make the session: it counts among those that are being made no longer. */
  markConnected(): void {
    this.#endings.connected()
  }

  /** The upstream accepted the connection: it may carry requests without credentials from now on. */
  markReady(): void {
    this.#endings.ready()
  }

  /** From now on the session serves its owner alone, and is closed with it. */
  bindTo(owner: SessionOwner): void {
    this.#endings.bind(owner)
  }

  /** Back to the pool, for the next request. */
  release(): void {
    this.#end()
    this.#endings.release()
  }

  /** Closes the connection. Ending a lease a second time by discarding it is allowed and does nothing. */
  discard(error?: ProxyError): void {
    if (this.#ended) return
    this.#end()
    this.#endings.discard(error)
  }

  /** Takes the stream out of the pool for good. */
  detach(): DetachedStream {
    this.#end()
    return this.#endings.detach()
  }

  #end(): void {
    if (this.#ended) throw new ProxyError('BUG', { detail: 'a lease was ended twice' })
    this.#ended = true
  }
}
