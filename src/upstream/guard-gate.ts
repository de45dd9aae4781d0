import { type CancelSignal, type Clock, ProxyError } from '../core/index.ts'
import type { GuardForecast, GuardRecord, LockoutGuard, LogonVerdict } from '../policy/index.ts'

/**
 * The right to show a credential once. Every pass is ended with `report`; a second report does nothing. Where the guard is in
 * another process its answers take a moment.
 */
export interface LogonPass {
  /** False when the credential has not been accepted lately: its verdict is waited for by everybody else. */
  readonly isProven: boolean
  /** To be called right before the AUTHENTICATE is written. @throws ProxyError AUTH_LOCKED_OUT. */
  beforeShowing(): void | Promise<void>
  /**
   * @param upstream which upstream gave the verdict.
   * @returns true when the credential was rejected and may be shown at once in another reading of its hashes.
   */
  report(verdict: LogonVerdict, upstream: string): boolean | Promise<boolean>
}

/** A pass of a guard in this process, which answers at once. */
interface NearPass extends LogonPass {
  beforeShowing(): void
  report(verdict: LogonVerdict, upstream: string): boolean
}

/** Makes requests wait for the verdict on an unproven credential. */
export interface Gate {
  /** Whether it was accepted so lately that several logons at once are harmless. */
  readonly hasProof: boolean
  /** Whether a logon would be let through, now or after the ones before it. */
  readonly isOpen: boolean
  /** Whether origins may be shown the account: see LockoutGuard.mayAskOrigin. */
  mayAskOrigin(): boolean
  /** What the guard says, for a process that has none. */
  readonly forecast: GuardForecast
  /** @throws ProxyError AUTH_LOCKED_OUT or CLIENT_ABORTED. */
  enter(signal: CancelSignal): Promise<LogonPass>
}

export interface GuardGateOptions {
  readonly guard: LockoutGuard
  readonly clock: Clock
  /** `DOMAIN\user`, for messages. */
  readonly account: string
  readonly save: (record: GuardRecord) => void
  readonly onProven: () => void
  /** @param forMs Infinity: until the configuration is changed. */
  readonly onTripped: (upstream: string, forMs: number) => void
  readonly onUnlocked: () => void
  /** Rejected, and another reading of the hashes may be shown at once. */
  readonly onMisread: (upstream: string) => void
}

/** What the guard says of a credential. */
export interface GuardStatus {
  /** `unanswered`: it was sent repeatedly and nobody ever said whether it is right, so it is kept back like a rejected one. */
  readonly state: 'unproven' | 'proven' | 'rejected' | 'unanswered'
  /** Unix time in ms at which it is shown again; undefined when nothing is kept back, or it is until the configuration is changed. */
  readonly until: number | undefined
  /** Who rejected it last, as far as this process knows. */
  readonly by: string | undefined
  /** The same in words. */
  readonly text: string
}

export type UnlockOutcome = 'unlocked' | 'open' | 'used up'

interface Waiter {
  resolve(pass: NearPass): void
  reject(error: ProxyError): void
}

const UNPROVEN =
  'the password was not accepted yet; one request shows it, the others wait for the verdict'

/** The mechanism to policy/lockout-guard. */
export class GuardGate implements Gate {
  /** Called after whatever may have changed what the guard says. */
  onChange: () => void = () => undefined
  readonly #options: GuardGateOptions
  readonly #waiters = new Set<Waiter>()
  #rejectedBy: string | undefined

  constructor(options: GuardGateOptions) {
    this.#options = options
  }

  /** Whether the credential was accepted and not rejected since, however long ago. */
  get isProven(): boolean {
    return this.#options.guard.isProven
  }

  get hasProof(): boolean {
    return this.#options.guard.hasProof(this.#options.clock.wallMs())
  }

  get isOpen(): boolean {
    const now = this.#options.clock.wallMs()
    return now >= this.#options.guard.refusedUntilMs(now)
  }

  get forecast(): GuardForecast {
    return this.#options.guard.forecast(this.#options.clock.wallMs())
  }

  get status(): GuardStatus {
    const now = this.#options.clock.wallMs()
    const until = this.#options.guard.refusedUntilMs(now)
    const by = this.#rejectedBy
    if (now < until) {
      const state = this.#wasRejected(until) ? 'rejected' : 'unanswered'
      const text = `the password ${this.#refusal(now, until)}`
      return { state, until: until === Infinity ? undefined : until, by, text }
    }
    return this.isProven
      ? { state: 'proven', until: undefined, by, text: 'the password was accepted' }
      : { state: 'unproven', until: undefined, by, text: UNPROVEN }
  }

  /**
   * Lets a credential that is kept back be shown once more.
   * @returns `open` when it is not kept back, `used up` when no reading of its hashes is left to be shown.
   */
  unlock(): UnlockOutcome {
    if (this.isOpen) return 'open'
    const { clock, guard, onUnlocked, save } = this.#options
    if (guard.refusedUntilMs(clock.wallMs()) === Infinity) return 'used up'
    guard.unlock()
    save(guard.record)
    onUnlocked()
    this.onChange()
    return 'unlocked'
  }

  mayAskOrigin(): boolean {
    return this.#options.guard.mayAskOrigin(this.#options.clock.wallMs())
  }

  async enter(signal: CancelSignal): Promise<NearPass> {
    let onAbort = (): void => undefined
    try {
      return await new Promise<NearPass>((resolve, reject) => {
        const waiter: Waiter = { resolve, reject }
        onAbort = () => {
          this.#waiters.delete(waiter)
          reject(new ProxyError('CLIENT_ABORTED'))
        }
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()
        else if (!this.#admit(waiter)) this.#waiters.add(waiter)
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #admit(waiter: Waiter): boolean {
    const { guard, clock } = this.#options
    const permit = guard.permit(clock.wallMs())
    if (permit.kind === 'wait') return false
    if (permit.kind === 'refuse') waiter.reject(this.#lockedOut(permit.untilMs))
    else waiter.resolve(this.#pass(permit.proven))
    return true
  }

  #pass(isProven: boolean): NearPass {
    const { guard, clock, save, onProven } = this.#options
    let reported = false
    return {
      isProven,
      beforeShowing: () => {
        const now = clock.wallMs()
        if (!guard.mayShow(now, isProven)) throw this.#lockedOut(now)
        if (!guard.isProven) save(guard.record)
      },
      report: (verdict, upstream) => {
        if (reported) return false
        reported = true
        const wasProven = guard.isProven
        const now = clock.wallMs()
        guard.report(verdict, now)
        const isRejected = verdict === 'rejected' || (verdict === 'denied' && !wasProven)
        if (!wasProven || isRejected) save(guard.record)
        if (verdict === 'accepted' && !wasProven) onProven()
        const goesOn = isRejected && this.#noteRejection(upstream, now)
        // Before anybody is let in: who is told of it must have heard of the change.
        this.onChange()
        this.#readmit()
        return goesOn
      },
    }
  }

  /** @returns whether a logon may follow at once. */
  #noteRejection(upstream: string, now: number): boolean {
    const { guard, onMisread, onTripped } = this.#options
    this.#rejectedBy = upstream
    const forMs = Math.max(0, guard.refusedUntilMs(now) - now)
    if (forMs > 0) onTripped(upstream, forMs)
    else onMisread(upstream)
    return forMs === 0
  }

  #readmit(): void {
    for (const waiter of [...this.#waiters]) {
      if (!this.#admit(waiter)) return
      this.#waiters.delete(waiter)
    }
  }

  #lockedOut(untilMs: number): ProxyError {
    const { account, clock, guard } = this.#options
    const now = clock.wallMs()
    const until = Math.max(untilMs, guard.refusedUntilMs(now))
    return new ProxyError('AUTH_LOCKED_OUT', {
      detail: `the password of ${account} ${this.#refusal(now, until)}`,
      ...(until === Infinity ? {} : { retryAfterMs: until - now }),
    })
  }

  #refusal(now: number, until: number): string {
    return `${this.#cause(until)}; to keep the account from being locked it is not sent again ${this.#time(now, until)}`
  }

  #time(now: number, until: number): string {
    if (until === Infinity) return 'until the configuration file is changed'
    const time = `for ${Math.ceil((until - now) / 1000)} s`
    return this.#options.guard.isBudgetSpent(now)
      ? `${time}, and no other password of it is`
      : `${time} or until the configuration is mended`
  }

  #cause(until: number): string {
    const by = this.#rejectedBy === undefined ? '' : ` by ${this.#rejectedBy}`
    if (until === Infinity) return `was rejected${by} in both readings of its hashes`
    return this.#wasRejected(until) ? `was rejected${by}` : 'was sent without ever being answered'
  }

  #wasRejected(until: number): boolean {
    return until === Infinity || this.#options.guard.record.rejections.length > 0
  }
}
