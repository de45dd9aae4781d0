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
  /** Field for requests that this proxy makes up itself, so that a loop is noticed. */
  readonly via: string
  /** Where logon checks go, or `off`; undefined is the default target. */
  readonly logonCheck: string | undefined
  /** That of the requests, where the configuration sets one. */
  readonly userAgent: string | undefined
  /** What would give the upstream an account to log on with, for a message. */
  readonly accountHint: string
}

/** An outage of a domain controller takes minutes. */
const LOGON_HEALTH: HealthOptions = { firstCoolDownMs: 30_000, maxCoolDownMs: 300_000 }

/** One refusal may be the end of a logon that the upstream had remembered for a while; two are its way. */
const BARE_CONNECTS_TRIED = 2

/** The process that put an upstream aside has so long to find out whether it is back, before others do. */
const LEFT_TO_OTHERS_MS = 5_000

/** An upstream that just answered by itself is not asked again so soon, however many targets make trouble. */
const DOUBTS_APART_MS = 5_000

/** Where nothing answers, what is kept leads nowhere either; a connection that is refused or breaks says nothing about others. */
const SILENCE: ReadonlySet<ErrorCode> = new Set([
  'DIAL_TIMEOUT',
  'DIAL_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
])

/**
 * What an upstream demands of a fresh connection: `always` credentials, or `sometimes` (a proxy open to this host, or
 * one that remembers logons by address for a while).
 */
export type Demand = UpstreamWays['demand']

/** One parent proxy: its address, its health, what was learned of its ways, and who has sessions there. */
export class Upstream implements Challenger {
  readonly options: UpstreamOptions
  readonly label: string
  readonly host: string
  readonly framework = PROXY_LOGON
  readonly health: UpstreamHealth
  demand: Demand = 'unknown'
  scheme: Scheme = 'NTLM'
  /** Whether logons work there. One that serves the sessions it has goes on doing so. */
  readonly logonHealth: UpstreamHealth
  /** The logon check, without credentials. */
  readonly check: RequestHead
  /** How it deals with logons and checks. */
  readonly habits: LogonHabits
  #asksAsOrigin = false
  /** Whether a connection can be used after the logon check: some proxies close it with an error page. */
  keepsCheckedConnections = true
  /** True once it demanded a logon for a request on a connection that it had just accepted. */
  demandsForEachRequest = false
  /** True once it took a body on a connection that was not logged on: it need not be asked first any more. */
  takesBodiesBare = false
  /** True once it demanded a new logon on a kept connection that it had accepted, and accepted that one too. */
  asksAgain = false
  /** How many sessions in a row that were logged on ahead had to log on again for their first CONNECT. */
  bareConnectsRefused = 0
  /** False once it answered a NEGOTIATE that was sent ahead in any other way than with a challenge. */
  challengesAhead = true
  /** By its first demand for a logon. */
  product: UpstreamWays['product']
  readonly #pools = new Map<Identity | undefined, SessionPool>()
  readonly #ownErrors = new OwnErrors()
  #answeredAt = -Infinity
  #probe: Timer | undefined
  #hasAnsweredProbe = false
  #isProbing = false
  #aliveCheck: Promise<void> | undefined
  #isClosed = false

  /** @param predecessor the same proxy with other limits: what was learned of it stays. */
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

  /** The sessions of an identity; undefined has no account, and gets on where none is demanded. */
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

  /** Sessions of an identity that will not come back are closed, those in use at their end. */
  forget(identity: Identity): void {
    this.#pools.get(identity)?.retire()
    this.#pools.delete(identity)
  }

  /** What was learned of it that decides which spares are of use. */
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

  /** Of all identities together. */
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

  /** It answered a request without asking for a logon. */
  noteOpenAnswer(): void {
    if (this.demand === 'unknown') this.demand = 'sometimes'
  }

  /** It asks for a logon as a web server does. Told once. */
  noteOriginLikeDemand(): void {
    if (this.#asksAsOrigin) return
    this.#asksAsOrigin = true
    this.options.emit({ type: 'upstream.asksAsOrigin', upstream: this.label })
  }

  /** Logons are out of order there: requests that need one go elsewhere for a while. */
  logonsFailed(error: ErrorCode): void {
    const { clock, emit } = this.options
    if (!this.logonHealth.isAvailable(clock.now())) return
    const forMs = this.logonHealth.failed(clock.now())
    emit({ type: 'upstream.logonsFail', upstream: this.label, forMs, error })
  }

  /** Whether a logon may be tried: not for a while after logons were found out of order. */
  get acceptsLogons(): boolean {
    return this.logonHealth.isAvailable(this.options.clock.now())
  }

  logonAccepted(): void {
    if (this.logonHealth.succeeded())
      this.options.emit({ type: 'upstream.logonsWork', upstream: this.label })
  }

  /** A cool-down that is over ends with a probe: until that succeeded, no request is made to find out. */
  isAvailable(): boolean {
    const now = this.options.clock.now()
    return !this.#isProbing && this.health.isAvailable(now) && this.logonHealth.isAvailable(now)
  }

  /** It can be reached, but all that it has answered for a while are errors of its own. */
  get onlyFails(): boolean {
    return this.#ownErrors.areAll
  }

  /** Remaining cool-down in ms; 0 when there is none. */
  backInMs(): number {
    const now = this.options.clock.now()
    return Math.max(this.health.coolDownMs(now), this.logonHealth.coolDownMs(now))
  }

  /** Marks it down when that is its own fault. Failures of requests that were under way together count once. */
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
    // Dials that fail a pool has counted itself.
    if (!error.code.startsWith('DIAL_')) this.#tellPools(error)
  }

  /** @param onNewConnection whether the connection was made for the request. */
  succeeded(onNewConnection: boolean): void {
    if (onNewConnection) this.health.held()
    if (!this.health.succeeded()) return
    this.#probe?.cancel()
    this.options.emit({ type: 'upstream.up', upstream: this.label })
  }

  /** Learns from an answer to a client's request whether it gives any that is not an error of its own. */
  answered(request: RequestHead, head: ResponseHead): void {
    if (isOwnError(request, head)) this.#ownErrors.note(hostOf(request.target))
    else this.#ownErrors.clear()
  }

  /**
   * Takes over what another process found out. The process that marked it down probes it; should that process end, this one does.
   */
  learn(news: UpstreamNews): void {
    const { clock } = this.options
    this.#probe?.cancel()
    if (news.type === 'upstream.reachable') return this.health.reachable()
    if (news.type === 'upstream.up') return void this.health.succeeded()
    const forMs = news.forMs + LEFT_TO_OTHERS_MS
    this.health.toldOfFailure(clock.now() + forMs)
    this.#tryAgainIn(forMs)
    this.#leave(new ProxyError(news.error, { detail: `${this.label} is left out for a while` }))
  }

  /** Marks it down when it does not answer now. @throws ProxyError DIAL_*, UPSTREAM_*. */
  async checkAlive(): Promise<void> {
    this.#aliveCheck ??= this.#checkAlive()
    await this.#aliveCheck
  }

  /** No further use is expected: what is under way may end, nothing is kept. */
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

  /** A request failed in a way that may be the target's doing: the upstream's own answer tells. */
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

  /** After the cool-down it is asked something here, so that no request has to be the one that finds out. */
  async #tryAgain(): Promise<void> {
    this.#isProbing = true
    try {
      await this.#probeNow(this.#mustAnswerProbes)
      this.health.reachable()
      this.options.emit({ type: 'upstream.reachable', upstream: this.label })
    } catch (error) {
      const failure = toProxyError(error)
      // Where it could not be asked, the next request finds out.
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
      // A want of descriptors here says nothing about it.
      if (error.blame !== 'upstream') return
      if (error.code === 'UPSTREAM_TIMEOUT' && !this.#mustAnswerProbes) return
      this.failed(error)
      throw error
    } finally {
      this.#aliveCheck = undefined
    }
  }
}

/** Of a target in absolute form, or that of a CONNECT. */
function hostOf(target: string): string {
  return /^(?:[a-z]+:\/\/)?([^/?#]*)/i.exec(target)?.[1] ?? target
}
