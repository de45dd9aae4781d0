import { type CancelSignal, type Clock, ProxyError, type Timer } from '../core/index.ts'
import {
  type Consequence,
  type GuardForecast,
  type GuardRecord,
  type LockoutGuard,
  type Logon,
  type LogonMode,
  type LogonVerdict,
  type LogonWish,
  NEVER_MS,
  type Settlement,
} from '../policy/index.ts'

/**
 * The right to send a credential once: a slot of policy/account-ledger.ts. Every pass is ended with `report`; a second report does nothing.
 * A guard in another process answers asynchronously.
 */
export interface LogonPass {
  /** Whether the AUTHENTICATE may ride on the request, or goes out with a logon check. */
  readonly mode: LogonMode
  /** False when the credential was not accepted recently: all other logons wait for its verdict. */
  readonly isProven: boolean
  /** Call right before writing the AUTHENTICATE. @throws ProxyError AUTH_LOCKED_OUT. */
  beforeSending(): void | Promise<void>
  /**
   * @param upstream the upstream that gave the verdict.
   * @param settlement how the caller can settle a refusal; default `none`.
   */
  report(
    verdict: LogonVerdict,
    upstream: string,
    settlement?: Settlement,
  ): Consequence | Promise<Consequence>
}

/** A pass of a guard in this process, which answers synchronously. */
interface LocalPass extends LogonPass {
  beforeSending(): void
  report(verdict: LogonVerdict, upstream: string, settlement?: Settlement): Consequence
}

/** Makes requests wait for a slot, or for the verdict on an unproven credential. */
export interface Gate {
  /** Whether the credential was accepted recently enough for several logons in flight. */
  readonly hasProof: boolean
  /** Whether a logon would be admitted, now or after the waiting ones. */
  readonly isOpen: boolean
  /** Whether logons at origins are allowed: see LockoutGuard.mayAskOrigin. */
  mayAskOrigin(): boolean
  /** The guard's forecast, for a process without a guard. */
  readonly forecast: GuardForecast
  /** @throws ProxyError AUTH_LOCKED_OUT, CLIENT_ABORTED, or AUTH_UNANSWERED: use another upstream. */
  enter(signal: CancelSignal, wish: LogonWish): Promise<LogonPass>
  /** Call after the consequence `settle`, when the refusal is settled or cannot be. */
  settled(): void
}

export interface GuardGateOptions {
  readonly guard: LockoutGuard
  readonly clock: Clock
  /** `DOMAIN\user`, for messages. */
  readonly account: string
  /** Tells a later process which secret the record is about. */
  readonly origin: string
  readonly save: (record: GuardRecord) => void
  readonly onProven: () => void
  /** @param forMs Infinity: until the configuration is changed. */
  readonly onTripped: (upstream: string, forMs: number) => void
  /** Nothing is sent for a while, because the credential got no verdict. */
  readonly onHeld: (upstream: string, forMs: number) => void
  readonly onUnlocked: () => void
  /** Rejected, but another reading of the hashes may be sent immediately. */
  readonly onMisread: (upstream: string) => void
  /** A secret that had worked was refused: a logon check is about to find out why. */
  readonly onDoubted: (upstream: string) => void
  /** A logon waited so long for a slot that verdicts must be slow. Called at most once an hour. */
  readonly onSlow: (waitedMs: number) => void
}

/** The guard's view of a credential. */
export interface GuardStatus {
  /** `unanswered`: the credential was sent but got no verdict, so it is held back like a rejected one. */
  readonly state: 'unproven' | 'proven' | 'rejected' | 'unanswered'
  /** Unix time in ms of the next try; undefined when nothing is held back, or it is until the configuration is changed. */
  readonly until: number | undefined
  /** Which server rejected it last, as far as this process knows. */
  readonly by: string | undefined
  /** The same in words. */
  readonly text: string
}

export type UnlockOutcome = 'unlocked' | 'open' | 'used up'

interface Waiter {
  readonly wish: LogonWish
  readonly since: number
  resolve(pass: LocalPass): void
  reject(error: ProxyError): void
}

const UNPROVEN =
  'the password was not accepted yet; one request sends it, the others wait for the verdict'

/** A wait this long for a slot means that verdicts are slow for the load. */
const SLOW_WAIT_MS = 2_000
const SLOW_AGAIN_MS = 3_600_000

/** The mechanism behind policy/lockout-guard.ts. */
export class GuardGate implements Gate {
  /** Called after anything that may have changed the guard's answers. */
  onChange: () => void = () => undefined
  readonly #options: GuardGateOptions
  readonly #waiters = new Set<Waiter>()
  #rejectedBy: string | undefined
  #pendingSince: number | undefined
  #isOnRecord = false
  #isListening = false
  #timer: Timer | undefined
  #toldSlowAt: number | undefined
  #longestWaitMs = 0

  constructor(options: GuardGateOptions) {
    this.#options = options
    this.#isOnRecord = options.guard.ledger.charges(this.#now) > 0
  }

  /** Whether the credential was accepted and not rejected since, however long ago. */
  get isProven(): boolean {
    return this.#options.guard.isProven
  }

  get hasProof(): boolean {
    return this.#options.guard.hasProof(this.#now)
  }

  get isOpen(): boolean {
    return this.#now >= this.#options.guard.refusedUntilMs(this.#now)
  }

  get forecast(): GuardForecast {
    return this.#options.guard.forecast(this.#now)
  }

  get status(): GuardStatus {
    const { clock, guard } = this.#options
    const until = guard.refusedUntilMs(this.#now)
    const by = this.#rejectedBy
    if (this.#now < until) {
      const state = guard.wasRejected ? 'rejected' : 'unanswered'
      const text = `the password ${this.#refusal(until)}`
      const wall = clock.wallMs() + (until - this.#now)
      return { state, until: until === Infinity ? undefined : wall, by, text }
    }
    if (!this.isProven) return { state: 'unproven', until: undefined, by, text: UNPROVEN }
    const text = `the password was accepted${this.#slowness()}`
    return { state: 'proven', until: undefined, by, text }
  }

  /**
   * Allows one more try of a credential that is held back.
   * @returns `open` when it is not held back, `used up` when no reading of its hashes is left.
   */
  unlock(): UnlockOutcome {
    if (this.isOpen) return 'open'
    const { guard, onUnlocked } = this.#options
    if (guard.refusedUntilMs(this.#now) === Infinity) return 'used up'
    guard.unlock(this.#now)
    this.#save()
    onUnlocked()
    this.onChange()
    guard.ledger.wake()
    return 'unlocked'
  }

  mayAskOrigin(): boolean {
    return this.#options.guard.mayAskOrigin(this.#now)
  }

  settled(): void {
    const { guard } = this.#options
    guard.settled()
    guard.ledger.wake()
  }

  async enter(signal: CancelSignal, wish: LogonWish): Promise<LocalPass> {
    let onAbort = (): void => undefined
    try {
      return await new Promise<LocalPass>((resolve, reject) => {
        const waiter: Waiter = { wish, since: this.#now, resolve, reject }
        onAbort = () => {
          this.#waiters.delete(waiter)
          reject(new ProxyError('CLIENT_ABORTED'))
        }
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()
        else if (!this.#admit(waiter)) this.#line(waiter)
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  get #now(): number {
    return this.#options.clock.now()
  }

  #admit(waiter: Waiter): boolean {
    const { guard } = this.#options
    const permit = guard.permit(this.#now, waiter.wish)
    if (permit.kind === 'wait') {
      if (permit.forMs !== undefined) this.#lookAgainIn(permit.forMs)
      return false
    }
    if (permit.kind === 'refuse') waiter.reject(this.#lockedOut())
    else if (permit.kind === 'elsewhere') waiter.reject(slowAt(waiter.wish))
    else waiter.resolve(this.#pass(permit.logon, permit.proven))
    this.#noteWait(this.#now - waiter.since)
    return true
  }

  #lookAgainIn(ms: number): void {
    this.#timer ??= this.#options.clock.setTimer(ms, () => {
      this.#timer = undefined
      this.#readmit()
    })
  }

  #pass(logon: Logon, isProven: boolean): LocalPass {
    const { guard } = this.#options
    let isReported = false
    return {
      mode: logon.mode,
      isProven,
      beforeSending: () => {
        if (!guard.send(logon, this.#now)) throw this.#lockedOut()
        if (guard.isProven) return
        this.#pendingSince = this.#options.clock.wallMs()
        this.#save()
      },
      report: (verdict, upstream, settlement = 'none') => {
        if (isReported) return 'none'
        isReported = true
        const wasProven = guard.isProven
        const wasOpen = this.isOpen
        const consequence = guard.report(logon, verdict, this.#now, settlement)
        const wasPending = this.#pendingSince !== undefined
        if (!wasProven) this.#pendingSince = undefined
        if (wasPending || this.#isOnRecord || verdict !== 'accepted') this.#save()
        if (verdict === 'accepted' && !wasProven) this.#options.onProven()
        this.#tell(consequence, upstream, wasOpen)
        // Must come before the next logon is admitted: listeners need to know of the change first.
        this.onChange()
        guard.ledger.wake()
        return consequence
      },
    }
  }

  #tell(consequence: Consequence, upstream: string, wasOpen: boolean): void {
    const { guard, onDoubted, onHeld, onMisread, onTripped } = this.#options
    const forMs = Math.max(0, guard.refusedUntilMs(this.#now) - this.#now)
    if (consequence === 'none') {
      if (forMs > 0 && wasOpen) onHeld(upstream, forMs)
      return
    }
    this.#rejectedBy = upstream
    if (consequence === 'settle' || consequence === 'blame-target') onDoubted(upstream)
    else if (consequence === 'other-reading') onMisread(upstream)
    else onTripped(upstream, forMs)
  }

  #line(waiter: Waiter): void {
    this.#waiters.add(waiter)
    this.#listen()
  }

  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    this.#options.guard.ledger.onceFreed(() => {
      this.#isListening = false
      this.#readmit()
      if (this.#waiters.size > 0) this.#listen()
    })
  }

  /** In order of arrival; a waiter that has to keep waiting does not block others that can use a slot it cannot. */
  #readmit(): void {
    for (const waiter of [...this.#waiters]) {
      if (this.#waiters.has(waiter) && this.#admit(waiter)) this.#waiters.delete(waiter)
    }
  }

  #save(): void {
    const { clock, guard, origin, save } = this.#options
    const wallNow = clock.wallMs()
    const until = guard.refusedUntilMs(this.#now)
    const isRefused = this.#now < until
    const wallUntil = until === Infinity ? NEVER_MS : wallNow + (until - this.#now)
    const { readings } = guard
    const record: GuardRecord = {
      ...guard.ledger.record(this.#now, wallNow),
      ...(this.#pendingSince === undefined ? {} : { pendingSince: this.#pendingSince }),
      ...(isRefused ? { refused: { origin, until: wallUntil, hadWorked: guard.hadWorked } } : {}),
      ...(readings === undefined ? {} : { readings }),
    }
    this.#isOnRecord = record.rejections.length > 0 || this.#pendingSince !== undefined
    save(record)
  }

  #noteWait(ms: number): void {
    if (ms < SLOW_WAIT_MS || !this.hasProof) return
    this.#longestWaitMs = Math.max(this.#longestWaitMs, ms)
    if (this.#toldSlowAt !== undefined && this.#now - this.#toldSlowAt < SLOW_AGAIN_MS) return
    this.#toldSlowAt = this.#now
    this.#options.onSlow(ms)
  }

  #slowness(): string {
    if (this.#longestWaitMs === 0) return ''
    const { budget } = this.#options.guard
    return (
      `; logons waited up to ${Math.ceil(this.#longestWaitMs / 1000)} s for one of the ${budget} places of LogonBudget, ` +
      'because verdicts are slow: a larger one lets more go out at once, and must stay below the bad passwords that lock the account'
    )
  }

  #lockedOut(): ProxyError {
    const { account, guard } = this.#options
    const until = Math.max(guard.refusedUntilMs(this.#now), this.#now)
    return new ProxyError('AUTH_LOCKED_OUT', {
      detail: `the password of ${account} ${this.#refusal(until)}`,
      ...(until === Infinity ? {} : { retryAfterMs: until - this.#now }),
    })
  }

  #refusal(until: number): string {
    return `${this.#cause(until)}; to keep the account from being locked it is not sent again ${this.#time(until)}`
  }

  #time(until: number): string {
    if (until === Infinity) return 'until the configuration file is changed'
    const seconds = Math.ceil((until - this.#now) / 1000)
    return (
      `for ${seconds} s; a corrected one is sent at once after "tsntlm reload"; run "tsntlm unlock" if the account was unlocked ` +
      'or the password was reset in the directory'
    )
  }

  #cause(until: number): string {
    const { guard } = this.#options
    const by = this.#rejectedBy === undefined ? '' : ` by ${this.#rejectedBy}`
    if (until === Infinity) return `was rejected${by} in both readings of its hashes`
    if (guard.wasRejected) return `was rejected${by}`
    return guard.ledger.charges(this.#now) === 0
      ? 'was not accepted yet, and the record of failed logons cannot be written, so each start waits a minute'
      : 'was sent without ever being answered'
  }
}

function slowAt({ at = 'the upstream' }: LogonWish): ProxyError {
  return new ProxyError('AUTH_UNANSWERED', { detail: `a logon at ${at} is slow` })
}
