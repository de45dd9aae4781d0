import {
  type Clock,
  type Emit,
  type ErrorCode,
  formatHostPort,
  type HostPort,
  ProxyError,
  type Timer,
  toProxyError,
  type UpstreamNews,
} from '../core/index.ts'
import { isOwnError, type RequestHead, type ResponseHead } from '../http1/index.ts'
import type { Dialer } from '../net/index.ts'
import {
  type Evidence,
  type HealthOptions,
  OwnErrors,
  UpstreamHealth,
  type UpstreamWays,
} from '../policy/index.ts'
import { type Challenger, PROXY_LOGON, type Scheme } from './challenger.ts'
import type { Identity } from './identity.ts'
import { checkRequest, probe } from './logon-check.ts'
import { LogonHabits } from './logon-habits.ts'
import type { PoolCounts } from './pool-options.ts'
import { SessionPool } from './session-pool.ts'

export interface UpstreamOptions {
  readonly address: HostPort
  readonly dialer: Dialer
  readonly clock: Clock
  readonly emit: Emit
  readonly nextSessionId: () => number
  readonly maxSessions: number
  readonly maxConnecting: number
  readonly sessionIdleMs: number
  readonly waitMs: number
  readonly maxWaiting: number
  /** For each answer that the upstream gives by itself. */
  readonly handshakeTimeoutMs: number
  /** For the answer to a request that was passed on to an origin. */
  readonly responseTimeoutMs: number
  /** Via value for this proxy's own requests, for loop detection. */
  readonly via: string
  /** Target of logon checks, or `off`; undefined: the default target. */
  readonly logonCheck: string | undefined
  /** User-Agent of requests, if the configuration sets one. */
  readonly userAgent: string | undefined
  /** For a message: how to give the upstream an account to log on with. */
  readonly accountHint: string
}

/** An outage of a domain controller lasts minutes. */
const LOGON_HEALTH: HealthOptions = { firstCoolDownMs: 30_000, maxCoolDownMs: 300_000 }

/** One refusal may mean that a logon cached by the upstream expired; two mean that it always refuses. */
const BARE_CONNECTS_TRIED = 2

/** How long the process that marked an upstream down may take to probe it before others do. */
const LEFT_TO_OTHERS_MS = 5_000

/** An upstream that answered a probe is not probed again within this time, however many targets fail. */
const DOUBTS_APART_MS = 5_000

/** If nothing answers, idle sessions are dead too; a refused or broken connection says nothing about others. */
const SILENCE: ReadonlySet<ErrorCode> = new Set([
  'DIAL_TIMEOUT',
  'DIAL_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
])

/**
 * What an upstream requires on a fresh connection: `always` credentials, or `sometimes` (a proxy open to this host, or one that remembers
 * logons by address for a while).
 */
export type Demand = UpstreamWays['demand']

/** One parent proxy: its address, health, learned behavior, and the session pool of each identity. */
export class Upstream implements Challenger {
  readonly options: UpstreamOptions
  readonly label: string
  readonly host: string
  readonly framework = PROXY_LOGON
  readonly health: UpstreamHealth
  demand: Demand = 'unknown'
  scheme: Scheme = 'NTLM'
  /** Whether logons work there. Existing sessions remain usable even if they do not. */
  readonly logonHealth: UpstreamHealth
  /** The logon check, without credentials. */
  readonly check: RequestHead
  /** How it handles logons and checks. */
  readonly habits: LogonHabits
  #asksAsOrigin = false
  /** Whether a connection can be used after the logon check: some proxies close it with an error page. */
  keepsCheckedConnections = true
  /** True once it required a logon for a request on a connection that it had just accepted. */
  demandsForEachRequest = false
  /** True once it took a body on a connection that was not logged on: Expect: 100-continue is no longer needed. */
  takesBodiesBare = false
  /** True once it required a new logon on a kept connection that it had accepted. */
  asksAgain = false
  /** Consecutive sessions, logged on ahead of time, that had to log on again for their first CONNECT. */
  bareConnectsRefused = 0
  /** False once it answered a NEGOTIATE sent ahead of time with anything but a challenge. */
  challengesAhead = true
  /** Identified by its 407 responses. */
  product: UpstreamWays['product']
  readonly #pools = new Map<Identity | undefined, SessionPool>()
  readonly #ownErrors = new OwnErrors()
  #answeredAt = -Infinity
  #probe: Timer | undefined
  #hasAnsweredProbe = false
  #isProbing = false
  #aliveCheck: Promise<void> | undefined
  #isClosed = false

  /** @param predecessor the same proxy with other limits; what was learned about it is kept. */
  constructor(options: UpstreamOptions, predecessor?: Upstream) {
    this.options = options
    this.label = formatHostPort(options.address)
    this.host = options.address.host
    this.health = predecessor?.health ?? new UpstreamHealth()
    this.logonHealth = predecessor?.logonHealth ?? new UpstreamHealth(LOGON_HEALTH)
    const { logonCheck, userAgent, via } = options
    this.check = checkRequest({
      via,
      userAgent,
      url: logonCheck === 'off' ? undefined : logonCheck,
    })
    const isChecked = logonCheck !== 'off'
    const keepsChecks = predecessor?.options.logonCheck === logonCheck
    this.habits = new LogonHabits(options.clock, isChecked, predecessor?.habits, keepsChecks)
    if (predecessor === undefined) return
    this.demand = predecessor.demand
    this.scheme = predecessor.scheme
    this.asksAgain = predecessor.asksAgain
    this.takesBodiesBare = predecessor.takesBodiesBare
    this.keepsCheckedConnections = predecessor.keepsCheckedConnections
    this.demandsForEachRequest = predecessor.demandsForEachRequest
    this.bareConnectsRefused = predecessor.bareConnectsRefused
    this.challengesAhead = predecessor.challengesAhead
    this.product = predecessor.product
  }

  /** The sessions of an identity. Without an account (undefined) requests succeed where no logon is required. */
  poolFor(identity: Identity | undefined): SessionPool {
    const known = this.#pools.get(identity)
    if (known !== undefined) return known
    const { address, clock, dialer, emit, maxConnecting, maxSessions } = this.options
    const { maxWaiting, nextSessionId, sessionIdleMs, waitMs } = this.options
    const pool = new SessionPool({
      label: this.label,
      clock,
      emit,
      nextId: nextSessionId,
      dial: signal => dialer.dial(address, { signal }),
      maxSessions,
      maxConnecting,
      idleMs: sessionIdleMs,
      waitMs,
      maxWaiting,
    })
    this.#pools.set(identity, pool)
    return pool
  }

  /** Closes the sessions of an identity that is gone; those in use close when they are returned. */
  forget(identity: Identity): void {
    this.#pools.get(identity)?.retire()
    this.#pools.delete(identity)
  }

  /** Learned capabilities, which decide what spares are useful. */
  get ways(): UpstreamWays {
    const { bareConnectsRefused, demandsForEachRequest, habits } = this
    const keepsChecked = habits.answersChecks && this.keepsCheckedConnections
    return {
      demand: this.demand,
      servesChecked:
        keepsChecked && !demandsForEachRequest && bareConnectsRefused < BARE_CONNECTS_TRIED,
      product: this.product,
      challenges: this.challengesAhead,
    }
  }

  /** Totals of all identities. */
  get counts(): PoolCounts {
    const sum = { idle: 0, spare: 0, busy: 0, connecting: 0, waiting: 0 }
    for (const pool of this.#pools.values()) {
      const { idle, spare, busy, connecting, waiting } = pool.counts
      sum.idle += idle
      sum.spare += spare
      sum.busy += busy
      sum.connecting += connecting
      sum.waiting += waiting
    }
    return sum
  }

  /** The upstream answered a request without asking for a logon. */
  noteOpenAnswer(): void {
    if (this.demand === 'unknown') this.demand = 'sometimes'
  }

  /** The upstream asks for a logon as a web server does. Reported once. */
  noteOriginLikeDemand(): void {
    if (this.#asksAsOrigin) return
    this.#asksAsOrigin = true
    this.options.emit({ type: 'upstream.asksAsOrigin', upstream: this.label })
  }

  /** Logons fail there: requests that need one go elsewhere for a while. */
  logonsFailed(error: ErrorCode): void {
    const { clock, emit } = this.options
    if (!this.logonHealth.isAvailable(clock.now())) return
    const forMs = this.logonHealth.failed(clock.now())
    emit({ type: 'upstream.logonsFail', upstream: this.label, forMs, error })
  }

  /** False for a while after logons were found to fail. */
  get acceptsLogons(): boolean {
    return this.logonHealth.isAvailable(this.options.clock.now())
  }

  logonAccepted(): void {
    if (this.logonHealth.succeeded())
      this.options.emit({ type: 'upstream.logonsWork', upstream: this.label })
  }

  /** A cool-down ends with a probe: until it succeeds, no request is sent to find out. */
  isAvailable(): boolean {
    const now = this.options.clock.now()
    return !this.#isProbing && this.health.isAvailable(now) && this.logonHealth.isAvailable(now)
  }

  /** Reachable, but for a while all its answers have been errors of its own. */
  get onlyFails(): boolean {
    return this.#ownErrors.areAll
  }

  /** Remaining cool-down in ms; 0 when there is none. */
  backInMs(): number {
    const now = this.options.clock.now()
    return Math.max(this.health.coolDownMs(now), this.logonHealth.coolDownMs(now))
  }

  /** Marks the upstream down if the failure is its own fault. Failures of concurrent requests count once. */
  failed(error: ProxyError, evidence: Exclude<Evidence, 'none'> = 'proof'): void {
    if (evidence === 'doubt') return this.#doubt(error)
    const { clock, emit } = this.options
    const detail = error.detail ?? error.message
    emit({ type: 'upstream.failed', upstream: this.label, error: error.code, detail })
    if (error.code === 'AUTH_OUT_OF_ORDER' || error.code === 'AUTH_UNANSWERED') {
      this.logonsFailed(error.code)
      return
    }
    if (evidence === 'repeat' && !this.health.broke(clock.now())) return
    if (this.isAvailable()) this.#markDown(clock.now(), error)
    // The pool has counted failed dials itself.
    if (!error.code.startsWith('DIAL_')) this.#tellPools(error)
  }

  /** @param onNewConnection whether the connection was made for the request. */
  succeeded(onNewConnection: boolean): void {
    if (onNewConnection) this.health.held()
    if (!this.health.succeeded()) return
    this.#probe?.cancel()
    this.options.emit({ type: 'upstream.up', upstream: this.label })
  }

  /** Notes whether the answer to a client's request was an error of the upstream's own. */
  answered(request: RequestHead, head: ResponseHead): void {
    if (isOwnError(request, head)) this.#ownErrors.note(hostOf(request.target))
    else this.#ownErrors.clear()
  }

  /** Applies what another process found out. The process that marked the upstream down probes it; if that process ends, this one does. */
  learn(news: UpstreamNews): void {
    const { clock } = this.options
    this.#probe?.cancel()
    if (news.type === 'upstream.reachable') return this.health.reachable()
    if (news.type === 'upstream.up') return void this.health.succeeded()
    const forMs = news.forMs + LEFT_TO_OTHERS_MS
    this.health.toldOfFailure(clock.now() + forMs)
    this.#tryAgainIn(forMs)
    this.#leave(new ProxyError(news.error, { detail: `${this.label} is marked down` }))
  }

  /** Probes the upstream, and marks it down if it does not answer. @throws ProxyError DIAL_*, UPSTREAM_*. */
  async checkAlive(): Promise<void> {
    this.#aliveCheck ??= this.#checkAlive()
    await this.#aliveCheck
  }

  /** Lets requests in flight finish and keeps no sessions. */
  retire(): void {
    this.#isClosed = true
    this.#probe?.cancel()
    for (const pool of this.#pools.values()) pool.retire()
  }

  destroy(): void {
    this.retire()
    for (const pool of this.#pools.values()) pool.destroy()
  }

  #markDown(now: number, error: ProxyError): void {
    const forMs = this.health.failed(now)
    this.options.emit({ type: 'upstream.down', upstream: this.label, forMs, error: error.code })
    this.#tryAgainIn(forMs)
    this.#leave(error)
  }

  #tryAgainIn(forMs: number): void {
    this.#probe?.cancel()
    if (this.#isClosed) return
    this.#probe = this.options.clock.setTimer(forMs, () => void this.#tryAgain())
  }

  #leave(error: ProxyError): void {
    for (const pool of this.#pools.values()) {
      if (SILENCE.has(error.code)) pool.dropIdle()
      pool.moveOn(error)
    }
  }

  /** A request failed, perhaps because of the target: a probe of the upstream tells. */
  #doubt(error: ProxyError): void {
    // It is marked down and has not answered since, so this timeout is not the target's fault either.
    if (!this.isAvailable()) {
      if (error.code === 'UPSTREAM_TIMEOUT') this.#tellPools(error)
      return
    }
    if (this.options.clock.now() - this.#answeredAt < DOUBTS_APART_MS) return
    void this.checkAlive().catch(() => undefined)
  }

  #tellPools(error: ProxyError): void {
    for (const pool of this.#pools.values()) pool.noteFailure(error)
  }

  /** Probes the upstream after the cool-down, so that no request has to find out. */
  async #tryAgain(): Promise<void> {
    this.#isProbing = true
    try {
      await this.#probeNow(this.#mustAnswerProbes)
      this.health.reachable()
      this.options.emit({ type: 'upstream.reachable', upstream: this.label })
    } catch (error) {
      const failure = toProxyError(error)
      // If the probe could not be sent, the next request finds out.
      if (!this.#isClosed && failure.blame === 'upstream')
        this.#markDown(this.options.clock.now(), failure)
    } finally {
      this.#isProbing = false
    }
  }

  /** An upstream that answers requests may still ignore probes, so its silence counts only after it has answered one. */
  get #mustAnswerProbes(): boolean {
    const { answersChecks, hasAnsweredChecks } = this.habits
    const hasAnswered = this.#hasAnsweredProbe || hasAnsweredChecks
    return answersChecks && (hasAnswered || this.demand === 'unknown')
  }

  /** @throws ProxyError DIAL_*, UPSTREAM_*. */
  async #probeNow(waitsForAnswer: boolean): Promise<void> {
    await probe({ ...this.options, check: this.check }, waitsForAnswer)
    this.#hasAnsweredProbe ||= waitsForAnswer
  }

  async #checkAlive(): Promise<void> {
    try {
      await this.#probeNow(this.habits.answersChecks)
      this.#answeredAt = this.options.clock.now()
    } catch (thrown) {
      const error = toProxyError(thrown)
      // A shortage of descriptors here says nothing about the upstream.
      if (error.blame !== 'upstream') return
      if (error.code === 'UPSTREAM_TIMEOUT' && !this.#mustAnswerProbes) return
      this.failed(error)
      throw error
    } finally {
      this.#aliveCheck = undefined
    }
  }
}

/** The authority of a target in absolute form, or of a CONNECT. */
function hostOf(target: string): string {
  return /^(?:[a-z]+:\/\/)?([^/?#]*)/i.exec(target)?.[1] ?? target
}
