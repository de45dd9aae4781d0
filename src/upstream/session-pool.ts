import type { Duplex } from 'node:stream'
import {
  type CancelSignal,
  type Clock,
  type Emit,
  NEVER_CANCELLED,
  ProxyError,
  Roster,
  type SessionId,
  type Timer,
  toProxyError,
} from '../core/index.ts'
import type { SpareGrade } from '../policy/index.ts'
import { UpstreamConnection } from './connection.ts'
import { Lease, type LeaseEndings, type Session, type SessionOwner } from './lease.ts'

export interface PoolCounts {
  readonly idle: number
  /** Those of the idle ones that were made ahead and have carried no request. */
  readonly spare: number
  readonly busy: number
  readonly connecting: number
  readonly waiting: number
}

export interface AcquireOptions {
  /** A new connection, where a kept one turned out to be dead. */
  readonly wantsFresh?: boolean
  /** Its own sessions come first. */
  readonly owner?: SessionOwner | undefined
  /** It may end a logon that was begun for a spare: it has no body. */
  readonly mayEndLogon?: boolean
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

interface Waiter extends Required<AcquireOptions> {
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
  readonly #all = new Roster<Session>()
  /** Connections that are being dialled: they are no sessions yet. */
  #dialing = 0
  /** Sessions that are being authenticated. */
  readonly #making = new Roster<Lease>()
  #isRetired = false
  #isClosed = false
  /** Called when the upstream closed spares, or one turned out to be dead. */
  onSpareLost: () => void = () => undefined

  readonly #endings: LeaseEndings = {
    connected: lease => this.#settle(lease),
    ready: lease => {
      lease.session.isReady = true
      this.#settle(lease)
    },
    bind: ({ session }, owner) => {
      if (session.owner !== undefined) return
      session.owner = owner
      owner.whenClosed(() => session.connection.destroy())
    },
    release: lease => {
      const { session } = lease
      session.uses++
      session.spare = undefined
      if (session.isReady) this.#keep(session, this.#options.idleMs, 'idle')
      else session.connection.destroy()
      this.#settle(lease)
    },
    park: (lease, spare, maxAgeMs) => {
      lease.session.spare = spare
      this.#keep(lease.session, maxAgeMs, 'not wanted')
      this.#settle(lease)
    },
    discard: (lease, error) => {
      const { session } = lease
      this.#making.remove(lease)
      session.connection.destroy(error)
      if (session.spare !== undefined && isBroken(error)) this.#loseSpares()
      this.#pump()
    },
    detach: lease => {
      this.#all.remove(lease.session)
      const detached = lease.session.connection.detach()
      this.#settle(lease)
      return detached
    },
  }

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get counts(): PoolCounts {
    const idle = this.#idle.length
    return {
      idle,
      spare: this.#idle.filter(({ session }) => session.spare !== undefined).length,
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
    { wantsFresh = false, owner, mayEndLogon = false }: AcquireOptions = {},
  ): Promise<Lease> {
    if (this.#isClosed) throw new ProxyError('DRAINING')
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const ready = wantsFresh ? undefined : this.takeReady(owner)
    if (ready !== undefined) return ready
    const { clock, label, maxWaiting, waitMs } = this.#options
    let timer: Timer | undefined
    let onAbort = (): void => undefined
    try {
      return await new Promise<Lease>((resolve, reject) => {
        const wish = { wantsFresh, owner, mayEndLogon }
        const waiter: Waiter = { ...wish, signal, hasLeft: false, resolve, reject }
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

  /** A session that can carry a request at once, if there is one: one of the owner's own, else one that is nobody's. */
  takeReady(owner: SessionOwner | undefined): Lease | undefined {
    // The last one used is the least likely to have been closed by the upstream meanwhile.
    const at = (wanted: SessionOwner | undefined): number =>
      this.#idle.findLastIndex(({ session }) => session.isReady && session.owner === wanted)
    const owned = owner === undefined ? -1 : at(owner)
    return this.#take(owned >= 0 ? owned : at(undefined), false)
  }

  /** Everybody who waits is told to look elsewhere: the upstream was just found to be down. */
  rejectWaiters(error: ProxyError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** Idle sessions that anybody may take. */
  get available(): number {
    return this.#idle.filter(({ session }) => session.owner === undefined).length
  }

  /**
   * A new connection to make a spare of. It leaves room for one more, because requests come first.
   * @returns undefined when there is no room. @throws ProxyError DIAL_*, DRAINING.
   */
  async lendForSpare(): Promise<Lease | undefined> {
    const { maxConnecting, maxSessions } = this.#options
    if (this.#isRetired || this.#isClosed || this.#waiters.length > 0) return undefined
    if (this.#connecting + 1 >= maxConnecting) return undefined
    if (this.#all.size + this.#dialing + 1 >= maxSessions) return undefined
    return this.#dial(NEVER_CANCELLED)
  }

  /** Closes spares of other grades, and the oldest ones of this grade beyond the count. */
  keepSpares(grade: SpareGrade, count: number): void {
    const spares = this.#idle
      .map(({ session }) => session)
      .filter(({ spare }) => spare !== undefined)
    const ofGrade = spares.filter(({ spare }) => spare?.grade === grade)
    const kept = new Set(ofGrade.slice(Math.max(0, ofGrade.length - count)))
    for (const session of spares) if (!kept.has(session)) this.#close(session, 'not wanted')
  }

  /** Closes what is idle: it leads to an upstream that was just found to be down. */
  dropIdle(): void {
    for (const { session } of [...this.#idle]) this.#close(session, 'closed by this proxy')
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
    for (const session of this.#all.list()) session.connection.destroy()
  }

  #pump(): void {
    while (this.#waiters.length > 0) {
      const reuser = this.#waiters.findIndex(waiter => !waiter.wantsFresh)
      const kept = reuser >= 0 ? this.#takeKept(this.#waiters[reuser]) : undefined
      if (kept !== undefined) this.#waiters.splice(reuser, 1)[0]?.resolve(kept)
      else if (!this.#mayBegin() || !this.#hasRoom()) return
      else this.#connect(this.#waiters.shift())
    }
  }

  get #connecting(): number {
    return this.#dialing + this.#making.size
  }

  #mayBegin(): boolean {
    return this.#connecting < this.#options.maxConnecting
  }

  #hasRoom(): boolean {
    if (this.#all.size + this.#dialing < this.#options.maxSessions) return true
    // Only idle sessions that nobody may take (everybody wants a fresh one, or they are somebody else's) are in the way:
    // the oldest goes, and its end pumps anew.
    const [oldest] = this.#idle
    if (oldest !== undefined) this.#close(oldest.session, 'closed by this proxy')
    return false
  }

  #connect(waiter: Waiter | undefined): void {
    if (waiter === undefined) return
    this.#dial(waiter.signal).then(
      lease => {
        const taker = waiter.hasLeft ? this.#waiters.shift() : waiter
        if (taker === undefined) lease.discard()
        else taker.resolve(lease)
      },
      (error: unknown) => {
        const failure = toProxyError(error)
        waiter.reject(failure)
        // What one dial found out holds for all who wait: they need not find it out one after the other.
        if (failure.code !== 'CLIENT_ABORTED') this.rejectWaiters(failure)
        this.#pump()
      },
    )
  }

  async #dial(signal: CancelSignal): Promise<Lease> {
    const { clock, dial, emit, label, nextId } = this.#options
    const startedAt = clock.now()
    this.#dialing++
    let stream: Duplex
    try {
      stream = await dial(signal)
    } finally {
      this.#dialing--
    }
    const connection = new UpstreamConnection(stream, clock)
    const dialMs = clock.now() - startedAt
    const session: Session = {
      id: nextId() as SessionId,
      connection,
      isReady: false,
      uses: 0,
      dialMs,
      owner: undefined,
      spare: undefined,
      place: -1,
    }
    this.#all.add(session)
    connection.onClosed = reason => this.#forget(session, reason)
    emit({ type: 'session.dialed', session: session.id, upstream: label, ms: dialMs })
    const lease = new Lease(session, this.#endings)
    this.#making.add(lease)
    if (this.#isClosed) {
      lease.discard()
      throw new ProxyError('DRAINING')
    }
    return lease
  }

  #takeKept(waiter: Waiter | undefined): Lease | undefined {
    return this.takeReady(waiter?.owner) ?? (this.#mayBegin() ? this.#takeBegun(waiter) : undefined)
  }

  /** A spare that is not ready yet: whoever takes it makes it so. */
  #takeBegun(waiter: Waiter | undefined): Lease | undefined {
    const at = this.#idle.findLastIndex(
      ({ session: { isReady, owner, spare } }) =>
        !isReady &&
        owner === undefined &&
        (spare?.challenged === undefined || waiter?.mayEndLogon === true),
    )
    return this.#take(at, true)
  }

  #take(at: number, isConnecting: boolean): Lease | undefined {
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
    const lease = new Lease(session, this.#endings)
    if (isConnecting) this.#making.add(lease)
    return lease
  }

  /** It is made, or given up: others may begin. */
  #settle(lease: Lease): void {
    this.#making.remove(lease)
    this.#pump()
  }

  #keep(session: Session, ms: number, reason: string): void {
    if (this.#isRetired || this.#isClosed || !session.connection.isIdle) {
      session.connection.destroy()
      return
    }
    const timer = this.#options.clock.setTimer(ms, () => this.#close(session, reason))
    this.#idle.push({ session, timer })
  }

  #close(session: Session, detail: string): void {
    session.spare = undefined
    session.connection.destroy(new ProxyError('UPSTREAM_CLOSED', { detail }))
  }

  /** Where one has died the others of its age have too: a request would find out about each of them. */
  #loseSpares(): void {
    for (const { session } of [...this.#idle]) {
      if (session.spare !== undefined) this.#close(session, 'another spare was dead')
    }
    this.onSpareLost()
  }

  #forget(session: Session, reason: string): void {
    const at = this.#idle.findIndex(entry => entry.session === session)
    if (at >= 0) this.#idle.splice(at, 1)[0]?.timer.cancel()
    if (!this.#all.remove(session)) return
    this.#options.emit({
      type: 'session.closed',
      session: session.id,
      upstream: this.#options.label,
      reason,
    })
    if (at >= 0 && session.spare !== undefined && !this.#isClosed) this.onSpareLost()
    this.#pump()
  }
}

function isBroken(error: ProxyError | undefined): boolean {
  return error?.code === 'UPSTREAM_CLOSED' || error?.code === 'UPSTREAM_TIMEOUT'
}
