import type { Duplex } from 'node:stream'
import {
  type CancelSignal,
  NEVER_CANCELLED,
  ProxyError,
  Roster,
  type SessionId,
  toProxyError,
} from '../core/index.ts'
import type { SpareGrade } from '../policy/index.ts'
import { ClientShares } from './client-shares.ts'
import { UpstreamConnection } from './connection.ts'
import { IdleSessions } from './idle-sessions.ts'
import { Lease, type LeaseEndings, type Session, type SessionOwner } from './lease.ts'
import type { AcquireOptions, PoolCounts, PoolOptions } from './pool-options.ts'
import { SecondHandError } from './second-hand-error.ts'
import { ANYBODY, SessionWaiter } from './session-waiter.ts'
import { WaitingLine } from './waiting-line.ts'

/** After this many failures in a row, with nothing in progress, all waiting requests fail instead of finding out one by one. */
const HOPELESS_FAILURES = 3

/**
 * The sessions of one upstream: leased, returned, reaped when idle. A single pump makes all decisions.
 *
 * A failed connection fails only the request that it was made for. After a failure no further connection begins while others are in
 * progress: their outcome shows whether the upstream is up. A success ends the doubt. If none succeeds and nothing is left to try, all
 * waiting requests fail together.
 */
export class SessionPool {
  readonly #options: PoolOptions
  readonly #idle: IdleSessions
  readonly #line = new WaitingLine<SessionWaiter>()
  readonly #shares: ClientShares
  readonly #all = new Roster<Session>()
  /** Waiters whose connection is being dialled and is not a session yet. */
  readonly #dialingFor = new Set<SessionWaiter>()
  #dialing = 0
  /** Consecutive connections that failed before they were of use. */
  #failures = 0
  /** The last of too many failures in a row: waiting requests fail with it once nothing is in progress. */
  #verdict: ProxyError | undefined
  /** Leases whose sessions are being authenticated. */
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
      giveBack(session)
      session.uses++
      session.spare = undefined
      if (session.isReady) this.#keep(session, this.#options.idleMs, 'idle')
      else session.connection.destroy()
      this.#settle(lease)
    },
    park: (lease, spare, maxAgeMs) => {
      giveBack(lease.session)
      lease.session.spare = spare
      this.#keep(lease.session, maxAgeMs, 'not wanted')
      this.#settle(lease)
    },
    discard: (lease, error) => {
      const { session } = lease
      this.#making.remove(lease)
      this.#giveUp()
      giveBack(session)
      session.connection.destroy(error)
      if (session.spare !== undefined && isBroken(error)) this.#loseSpares()
      this.#pump()
    },
    detach: lease => {
      giveBack(lease.session)
      this.#all.remove(lease.session)
      const detached = lease.session.connection.detach()
      this.#settle(lease)
      return detached
    },
  }

  constructor(options: PoolOptions) {
    this.#options = options
    this.#idle = new IdleSessions(options.clock)
    this.#shares = new ClientShares(options.maxSessions)
  }

  get counts(): PoolCounts {
    const idle = this.#idle.size
    return {
      idle,
      spare: this.#idle.count(({ spare }) => spare !== undefined),
      busy: this.#all.size - idle,
      connecting: this.#connecting,
      waiting: this.#line.size,
    }
  }

  /** Whether the pool has a session, or is dialling one. */
  get isAlive(): boolean {
    return this.#all.size + this.#dialing > 0
  }

  /**
   * Leases a session: a ready one if there is one and no fresh one is required, else a new connection.
   * @throws ProxyError DIAL_*, NO_DESCRIPTORS, POOL_TIMEOUT, QUEUE_FULL, DRAINING, CLIENT_ABORTED.
   * @throws SecondHandError another request's failure.
   */
  async acquire(signal: CancelSignal, options: AcquireOptions = {}): Promise<Lease> {
    if (this.#isClosed) throw new ProxyError('DRAINING')
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const ready =
      options.wantsFresh === true ? undefined : this.takeReady(options.owner, options.client)
    if (ready !== undefined) return ready
    const { clock, label, maxWaiting, waitMs } = this.#options
    const waiter = new SessionWaiter(signal, options)
    waiter.onLeft = () => void this.#line.remove(waiter)
    const outcome = waiter.outcome(clock, waitMs, label)
    this.#line.add(waiter)
    this.#pump()
    if (this.#line.size > maxWaiting) {
      const detail = `${maxWaiting} wait for ${label} (MaxWaiting)`
      this.#line.excessAfter(waiter)?.leave(new ProxyError('QUEUE_FULL', { detail }))
    }
    return await outcome
  }

  /**
   * A session that can carry a request immediately, if any: one of the owner's, else an unowned one.
   * @param client the session counts towards this client's share.
   */
  takeReady(owner: SessionOwner | undefined, client = ANYBODY): Lease | undefined {
    if (this.#idle.size === 0 || !this.#mayTake(client)) return undefined
    return this.#lend(this.#idle.takeReady(owner), client)
  }

  /** The upstream was just found to be down: waiters that another upstream can serve go there, the others stay. */
  moveOn(error: ProxyError): void {
    for (const waiter of [...this.#line.list(), ...this.#dialingFor]) {
      if (waiter.hasElsewhere()) waiter.leave(new SecondHandError(error, false))
    }
  }

  /** A connection failed through the upstream's own fault. It may not have been discarded yet. */
  noteFailure(error: ProxyError): void {
    this.#failures++
    if (this.#failures >= HOPELESS_FAILURES) this.#verdict = error
    this.#giveUp()
    this.#pump()
  }

  /** Number of idle sessions without an owner. */
  get available(): number {
    return this.#idle.count(({ owner }) => owner === undefined)
  }

  /**
   * Leases a new connection for a spare. Leaves room for one more connection, because requests come first.
   * @returns undefined when there is no room. @throws ProxyError DIAL_*, DRAINING.
   */
  async lendForSpare(): Promise<Lease | undefined> {
    const { maxConnecting, maxSessions } = this.#options
    if (this.#isRetired || this.#isClosed || this.#line.size > 0) return undefined
    if (this.#connecting + 1 >= maxConnecting) return undefined
    if (this.#all.size + this.#dialing + 1 >= maxSessions) return undefined
    return this.#dial(NEVER_CANCELLED)
  }

  /** Closes spares of other grades, and the oldest ones of this grade beyond the count. */
  keepSpares(grade: SpareGrade, count: number): void {
    const spares = this.#idle.list().filter(({ spare }) => spare !== undefined)
    const ofGrade = spares.filter(({ spare }) => spare?.grade === grade)
    const kept = new Set(ofGrade.slice(Math.max(0, ofGrade.length - count)))
    for (const session of spares) if (!kept.has(session)) this.#close(session, 'not wanted')
  }

  /** Closes idle sessions, as when the upstream was just found to be down. */
  dropIdle(): void {
    for (const session of this.#idle.list()) this.#close(session, 'closed by this proxy')
  }

  /** Stops keeping sessions: closes idle ones now, and those in use when they are returned. Still leases new ones. */
  retire(): void {
    this.#isRetired = true
    this.dropIdle()
  }

  /** Closes everything now and leases nothing more. */
  destroy(): void {
    this.#isClosed = true
    for (const waiter of this.#line.list()) waiter.leave(new ProxyError('DRAINING'))
    for (const session of this.#all.list()) session.connection.destroy()
  }

  #pump(): void {
    const mayTake = ({ client }: SessionWaiter): boolean => this.#mayTake(client)
    while (this.#line.size > 0) {
      const reuser = this.#line.find(waiter => !waiter.wantsFresh && mayTake(waiter))
      const kept = reuser === undefined ? undefined : this.#takeKept(reuser)
      if (reuser !== undefined && kept !== undefined) {
        this.#line.serve(reuser)
        reuser.serve(kept)
        continue
      }
      const next = this.#mayBegin() ? this.#line.find(mayTake) : undefined
      if (next === undefined || !this.#hasRoom()) return
      this.#line.serve(next)
      this.#connect(next)
    }
  }

  get #connecting(): number {
    return this.#dialing + this.#making.size
  }

  /** Requests wait for a session, and not just for a handshake. */
  get #isShort(): boolean {
    return this.#line.size > 0 && this.#mayBegin()
  }

  #mayBegin(): boolean {
    return this.#connecting < (this.#failures === 0 ? this.#options.maxConnecting : 1)
  }

  #mayTake(client: string): boolean {
    const lent = this.#all.size - this.#idle.size + this.#dialing
    return client === ANYBODY || this.#shares.mayTake(client, lent)
  }

  #hasRoom(): boolean {
    if (this.#all.size + this.#dialing < this.#options.maxSessions) return true
    // Only idle sessions that no waiter may take (all want fresh ones, or other owners hold them) are in the way: closes the oldest, which
    // runs the pump again.
    const { oldest } = this.#idle
    if (oldest !== undefined) this.#close(oldest, 'closed by this proxy')
    return false
  }

  #connect(waiter: SessionWaiter): void {
    const share = this.#shares.take(waiter.client)
    this.#dialingFor.add(waiter)
    this.#dial(waiter.signal)
      .finally(() => {
        share.held--
        this.#dialingFor.delete(waiter)
      })
      .then(
        lease => {
          const taker = waiter.hasLeft ? this.#line.find(() => true) : waiter
          if (taker === undefined) {
            lease.discard()
            return
          }
          this.#line.serve(taker)
          lease.session.share = this.#shares.take(taker.client)
          taker.serve(lease)
        },
        (error: unknown) => {
          waiter.leave(toProxyError(error))
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
      this.#dialing--
    } catch (thrown) {
      this.#dialing--
      const error = toProxyError(thrown)
      if (error.blame === 'upstream') this.noteFailure(error)
      throw error
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
      share: undefined,
      place: -1,
    }
    this.#all.add(session)
    connection.onClosed = reason => this.#forget(session, reason)
    connection.isInDemand = () => this.#isShort
    emit({ type: 'session.dialed', session: session.id, upstream: label, ms: dialMs })
    const lease = new Lease(session, this.#endings)
    this.#making.add(lease)
    if (this.#isClosed) {
      lease.discard()
      throw new ProxyError('DRAINING')
    }
    return lease
  }

  #takeKept(waiter: SessionWaiter): Lease | undefined {
    const { client, mayEndLogon, owner } = waiter
    const ready = this.takeReady(owner, client)
    if (ready !== undefined || !this.#mayBegin()) return ready
    // A spare that is not ready yet: the request that takes it logs it on.
    const begun = this.#idle.take(
      session =>
        !session.isReady &&
        session.owner === undefined &&
        (session.spare?.challenged === undefined || mayEndLogon),
    )
    const lease = this.#lend(begun, client)
    if (lease !== undefined) this.#making.add(lease)
    return lease
  }

  #lend(session: Session | undefined, client: string): Lease | undefined {
    if (session === undefined) return undefined
    const { emit, label: upstream } = this.#options
    session.share = this.#shares.take(client)
    emit({ type: 'session.reused', session: session.id, upstream, uses: session.uses })
    return new Lease(session, this.#endings)
  }

  /** The session is established, or was given up: others may begin. */
  #settle(lease: Lease): void {
    if (this.#making.remove(lease)) {
      this.#failures = 0
      this.#verdict = undefined
    }
    this.#pump()
  }

  #keep(session: Session, ms: number, reason: string): void {
    if (this.#isRetired || this.#isClosed || !session.connection.isIdle) {
      session.connection.destroy()
      return
    }
    this.#idle.keep(session, ms, () => this.#close(session, reason))
  }

  #close(session: Session, detail: string): void {
    session.spare = undefined
    session.connection.destroy(new ProxyError('UPSTREAM_CLOSED', { detail }))
  }

  #giveUp(): void {
    const verdict = this.#verdict
    if (verdict === undefined || this.#connecting > 0) return
    this.#verdict = undefined
    for (const waiter of this.#line.list()) waiter.leave(new SecondHandError(verdict, true))
  }

  /** If one spare has died, the others of its age have too: requests would find out about them one by one. */
  #loseSpares(): void {
    for (const session of this.#idle.list()) {
      if (session.spare !== undefined) this.#close(session, 'another spare was dead')
    }
    this.onSpareLost()
  }

  #forget(session: Session, reason: string): void {
    const wasIdle = this.#idle.remove(session)
    if (!this.#all.remove(session)) return
    this.#options.emit({
      type: 'session.closed',
      session: session.id,
      upstream: this.#options.label,
      reason,
    })
    if (wasIdle && session.spare !== undefined && !this.#isClosed) this.onSpareLost()
    this.#pump()
  }
}

function isBroken(error: ProxyError | undefined): boolean {
  return error?.code === 'UPSTREAM_CLOSED' || error?.code === 'UPSTREAM_TIMEOUT'
}

function giveBack(session: Session): void {
  if (session.share !== undefined) session.share.held--
  session.share = undefined
}
