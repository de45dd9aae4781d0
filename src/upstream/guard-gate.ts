import { type Clock, ProxyError } from '../core/index.ts'
import type { GuardRecord, LockoutGuard, LogonVerdict } from '../policy/index.ts'

/** The right to show a credential once. Every pass is ended with `report`; a second report does nothing. */
export interface LogonPass {
  /** False when the credential has not been accepted lately: its verdict is waited for by everybody else. */
  readonly isProven: boolean
  /** To be called right before the AUTHENTICATE is written. @throws ProxyError AUTH_LOCKED_OUT. */
  beforeShowing(): void
  /** @param upstream which upstream gave the verdict. */
  report(verdict: LogonVerdict, upstream: string): void
}

export interface GuardGateOptions {
  readonly guard: LockoutGuard
  readonly clock: Clock
  /** `DOMAIN\user`, for messages. */
  readonly account: string
  readonly save: (record: GuardRecord) => void
  readonly onProven: () => void
  readonly onTripped: (upstream: string, forMs: number) => void
}

interface Waiter {
  resolve(pass: LogonPass): void
  reject(error: ProxyError): void
}

/** Makes requests wait for the verdict on an unproven credential: the mechanism to policy/lockout-guard. */
export class GuardGate {
  readonly #options: GuardGateOptions
  readonly #waiters = new Set<Waiter>()
  #rejectedBy: string | undefined

  constructor(options: GuardGateOptions) {
    this.#options = options
  }

  /** @throws ProxyError AUTH_LOCKED_OUT or CLIENT_ABORTED. */
  async enter(signal: AbortSignal): Promise<LogonPass> {
    let onAbort = (): void => undefined
    try {
      return await new Promise<LogonPass>((resolve, reject) => {
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

  #pass(isProven: boolean): LogonPass {
    const { guard, clock, save, onProven, onTripped } = this.#options
    let reported = false
    return {
      isProven,
      beforeShowing: () => {
        const now = clock.wallMs()
        if (!guard.mayShow(now)) throw this.#lockedOut(now)
        if (!guard.isProven) save(guard.record)
      },
      report: (verdict, upstream) => {
        if (reported) return
        reported = true
        const wasProven = guard.isProven
        const now = clock.wallMs()
        guard.report(verdict, now)
        if (!wasProven || verdict === 'rejected') save(guard.record)
        if (verdict === 'accepted' && !wasProven) onProven()
        if (verdict === 'rejected') {
          this.#rejectedBy = upstream
          onTripped(upstream, this.#refusedForMs(now))
        }
        this.#readmit()
      },
    }
  }

  #refusedForMs(now: number): number {
    return Math.max(0, this.#options.guard.refusedUntilMs - now)
  }

  #readmit(): void {
    for (const waiter of [...this.#waiters]) {
      if (!this.#admit(waiter)) return
      this.#waiters.delete(waiter)
    }
  }

  #lockedOut(untilMs: number): ProxyError {
    const { account, clock, guard } = this.#options
    const until = Math.max(untilMs, guard.refusedUntilMs)
    const seconds = Math.ceil((until - clock.wallMs()) / 1000)
    const by = this.#rejectedBy === undefined ? '' : ` by ${this.#rejectedBy}`
    const what =
      guard.record.rejections.length > 0
        ? `was rejected${by}`
        : 'was sent without ever being answered'
    return new ProxyError('AUTH_LOCKED_OUT', {
      detail:
        `the password of ${account} ${what}; to keep the account from being locked it is not sent again ` +
        `for ${seconds} s or until the configuration is mended`,
    })
  }
}
