import { NEVER_CANCELLED, ProxyError, type Timer, toProxyError } from '../core/index.ts'
import { demandedWaitMs, isSquids, type ResponseHead } from '../http1/index.ts'
import {
  decideReadiness,
  type HealthOptions,
  type Readiness,
  type ReadinessOptions,
  type SpareGrade,
  TunnelDemand,
  UpstreamHealth,
} from '../policy/index.ts'
import { logOnByCheck } from './checked-logon.ts'
import type { Lease, Spare } from './lease.ts'
import { negotiate } from './logon.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/** How often the number of spares is re-evaluated while any may be needed. */
const RECHECK_MS = 5_000

/** The back-off after a spare that failed or was found dead, doubled with each further one in a row. */
const PAUSES: HealthOptions = { firstCoolDownMs: 5_000, maxCoolDownMs: 300_000 }

/** A rate-limiting upstream gets no requests of our own for at least this long. */
const LEAST_LIMITED_MS = 60_000

/** One connection closed after its logon check may mean that the upstream is going down; two in a row are its normal behavior. */
const CLOSED_CHECKS = 2

/**
 * Keeps preconnected sessions (spares) for one identity at one upstream; policy/readiness.ts decides how many and of which grade. Spares
 * log on one after the other, so that a proven password that becomes invalid, or an upstream that comes back, costs only one logon.
 * Meanwhile the next spare connects, or a client that opens one tunnel after the other would use them up faster than they are made. Nothing
 * depends on spares: a request that finds none makes its own session, and one that finds a dead one makes a fresh one.
 */
export class Warmer {
  readonly #access: UpstreamAccess
  readonly #options: ReadinessOptions
  #demand = new TunnelDemand()
  readonly #pauses = new UpstreamHealth(PAUSES)
  #limitedUntil = 0
  #closedChecks = 0
  #isMaking = false
  /** The connection for the next spare. */
  #coming: Promise<Lease | undefined> | undefined
  #isStopped = false
  #timer: Timer | undefined

  constructor(access: UpstreamAccess, options: ReadinessOptions) {
    this.#access = access
    this.#options = options
    access.pool.onSpareLost = () => this.#pause()
  }

  /** A request became a tunnel on this session. */
  opened({ wasSpare }: Lease): void {
    if (wasSpare) this.#pauses.succeeded()
    this.#demand.note(this.#now)
    this.#adjust()
  }

  /** Makes no more spares. Existing ones stay in the pool until they expire. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#dropComing()
  }

  get #now(): number {
    return this.#access.upstream.options.clock.now()
  }

  #adjust(): void {
    if (this.#isStopped) return
    const { pool } = this.#access
    const wanted = this.#decide()
    pool.keepSpares(wanted.grade, wanted.count)
    this.#recheckLater()
    if (this.#isMaking) return
    if (pool.available < wanted.count && this.#mayMake()) void this.#make(wanted)
    else this.#dropComing()
  }

  #decide(): Readiness {
    const { identity, upstream } = this.#access
    return decideReadiness(this.#options, {
      burst: this.#demand.burst(this.#now),
      quietMs: this.#demand.quietMs(this.#now),
      isAvailable: upstream.isAvailable(),
      isProven: identity.gate.hasProof,
      ways: upstream.ways,
    })
  }

  #mayMake(): boolean {
    const now = this.#now
    return now >= this.#limitedUntil && this.#pauses.isAvailable(now)
  }

  #recheckLater(): void {
    const { clock } = this.#access.upstream.options
    this.#timer?.cancel()
    if (this.#demand.burst(this.#now) === 0) return
    this.#timer = clock.setTimer(RECHECK_MS, () => this.#adjust())
  }

  async #make(wanted: Readiness): Promise<void> {
    this.#isMaking = true
    let isMade = false
    try {
      isMade = await this.#tryToMake(wanted)
    } catch (thrown) {
      this.#pause()
      const error = toProxyError(thrown)
      if (error.code === 'BUG') this.#access.upstream.options.emit({ type: 'bug', error: thrown })
    } finally {
      this.#isMaking = false
    }
    if (isMade) this.#adjust()
    else this.#dropComing()
  }

  #dropComing(): void {
    const coming = this.#coming
    this.#coming = undefined
    coming?.then(
      lease => lease?.discard(),
      () => undefined,
    )
  }

  /** @throws ProxyError DIAL_*, DRAINING. */
  #connect(): Promise<Lease | undefined> {
    const coming = this.#coming ?? this.#access.pool.lendForSpare()
    this.#coming = undefined
    return coming
  }

  #connectNext({ count, grade }: Readiness): void {
    const { pool } = this.#access
    if (this.#isStopped || grade === 'dialled' || pool.available + 1 >= count) return
    this.#coming = pool.lendForSpare()
    // The caller that awaits it gets the error.
    this.#coming.catch(() => undefined)
  }

  /** @returns whether a spare was made. @throws ProxyError DIAL_*, UPSTREAM_*, AUTH_*. */
  async #tryToMake(wanted: Readiness): Promise<boolean> {
    const { grade, maxAgeMs } = wanted
    const { upstream } = this.#access
    const { emit, sessionIdleMs } = upstream.options
    const startedAt = this.#now
    const lease = await this.#connect()
    if (lease === undefined) return false
    this.#connectNext(wanted)
    try {
      const spare = await this.#prepare(lease, grade)
      if (spare === undefined || this.#isStopped) {
        lease.discard()
        return false
      }
      if (!lease.session.connection.isIdle) throw new ProxyError('UPSTREAM_CLOSED')
      const session = lease.session.id
      const ms = this.#now - startedAt
      emit({ type: 'session.warmed', session, upstream: upstream.label, grade: spare.grade, ms })
      lease.park(spare, Math.min(maxAgeMs, sessionIdleMs))
      return true
    } catch (error) {
      lease.discard(toProxyError(error))
      throw error
    }
  }

  /** @returns undefined when the upstream's answer rules out a spare. */
  async #prepare(lease: Lease, grade: SpareGrade): Promise<Spare | undefined> {
    if (grade === 'dialled') return { grade }
    // The proof may have expired while dialling.
    if (!this.#access.identity.gate.hasProof) return undefined
    return grade === 'authenticated' ? this.#logOn(lease) : this.#begin(lease)
  }

  async #logOn(lease: Lease): Promise<Spare | undefined> {
    const { identity, upstream } = this.#access
    const pass = await identity.gate.enter(NEVER_CANCELLED, {
      ride: false,
      check: true,
      at: upstream.label,
    })
    const { consequence, exchange, isKept, outcome } = await logOnByCheck(this.#access, lease, pass)
    // Left to the next request, which uses a check.
    if (consequence === 'settle') identity.gate.settled()
    if (outcome === 'accepted') this.#closedChecks = isKept ? 0 : this.#closedChecks + 1
    if (this.#closedChecks >= CLOSED_CHECKS) upstream.keepsCheckedConnections = false
    if (outcome === 'accepted' && isKept) return { grade: 'authenticated' }
    if (outcome === 'passed-by') return isKept ? { grade: 'dialled' } : undefined
    if (outcome === 'limited') this.#limit(exchange.head)
    else this.#pause()
    return undefined
  }

  async #begin(lease: Lease): Promise<Spare | undefined> {
    const { identity, upstream } = this.#access
    const begun = await negotiate({
      challenger: upstream,
      connection: lease.session.connection,
      identity,
      request: upstream.check,
      body: undefined,
      signal: NEVER_CANCELLED,
    }).catch((thrown: unknown) => {
      const error = toProxyError(thrown)
      if (error.code.startsWith('AUTH_')) upstream.challengesAhead = false
      throw error
    })
    if ('exchange' in begun) {
      if (begun.outcome === 'limited') this.#limit(begun.exchange.head)
      else upstream.challengesAhead = false
      return undefined
    }
    if (isSquids(begun.head)) {
      upstream.product = 'squid'
      return undefined
    }
    return { grade: 'challenged', challenged: begun }
  }

  /**
   * Spares lost together count once. The previous demand no longer counts: real tunnels find out whether the upstream is back, and the
   * number of spares grows with them again.
   */
  #pause(): void {
    this.#demand = new TunnelDemand()
    if (this.#pauses.isAvailable(this.#now)) this.#pauses.failed(this.#now)
  }

  #limit(head: ResponseHead): void {
    const demanded = demandedWaitMs(head, this.#access.upstream.options.clock.wallMs()) ?? 0
    this.#limitedUntil = this.#now + Math.max(demanded, LEAST_LIMITED_MS)
  }
}
