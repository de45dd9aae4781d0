import {
  AccountLedger,
  type GuardStart,
  LockoutGuard,
  type Logon,
  LOGON_WINDOW_MS,
  type LogonVerdict,
  type LogonWish,
  type Settlement,
} from '../../../src/policy/index.ts'

export const MINUTE = 60_000
export const EITHER: LogonWish = { ride: true, check: true }
export const CHECK: LogonWish = { ride: false, check: true }

/** A guard and the logons in flight, which have names. Minutes are those of the monotonic clock. */
export class Bench {
  readonly ledger: AccountLedger
  readonly guard: LockoutGuard
  readonly #logons = new Map<string, Logon>()

  constructor(budget = 2, start: Omit<GuardStart, 'ledger'> = {}, ledger?: AccountLedger) {
    this.ledger = ledger ?? new AccountLedger({ budget, windowMs: LOGON_WINDOW_MS })
    this.guard = new LockoutGuard({ ledger: this.ledger, ...start })
  }

  /** @returns `ride`, `check`, `wait` with seconds where these are known, `refuse`. */
  ask(name: string, minute: number, wish: LogonWish = EITHER): string {
    const permit = this.guard.permit(minute * MINUTE, wish)
    if (permit.kind === 'wait')
      return permit.forMs === undefined ? 'wait' : `wait ${permit.forMs / 1000}`
    if (permit.kind !== 'grant') return permit.kind
    this.#logons.set(name, permit.logon)
    return `${permit.logon.mode}${permit.proven ? '' : ' unproven'}`
  }

  send(name: string, minute: number): boolean {
    return this.guard.send(this.#named(name), minute * MINUTE)
  }

  report(
    name: string,
    verdict: LogonVerdict,
    minute: number,
    settlement: Settlement = 'none',
  ): string {
    return this.guard.report(this.#named(name), verdict, minute * MINUTE, settlement)
  }

  /** A whole logon. @returns what follows from its verdict, or why there was none. */
  logOn(
    verdict: LogonVerdict,
    minute: number,
    settlement: Settlement = 'none',
    wish: LogonWish = CHECK,
  ): string {
    const answer = this.ask('whole', minute, wish)
    if (!answer.startsWith('check') && !answer.startsWith('ride')) return answer
    return this.send('whole', minute) ? this.report('whole', verdict, minute, settlement) : 'held'
  }

  /** In minutes; 0 when it may be sent. */
  refusedUntil(minute: number): number {
    return this.guard.refusedUntilMs(minute * MINUTE) / MINUTE
  }

  #named(name: string): Logon {
    const logon = this.#logons.get(name)
    if (logon === undefined) throw new Error(`no logon ${name}`)
    return logon
  }
}
