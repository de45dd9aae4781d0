import { type Clock, ProxyError } from '../core/index.ts'
import { AccountLedger, LOGON_WINDOW_MS } from '../policy/index.ts'

/** How many accounts may have rejected logons that still count. */
const MAX_LEDGERS = 10_000

/**
 * Rejections of all accounts named by clients, kept while they count. `alice`, `CORP\\alice` and `alice@corp.test` may
 * be one account, or be taken for one by the directory, so only the user name counts.
 */
export class AccountLedgers {
  readonly #ledgers = new Map<string, AccountLedger>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws ProxyError CLIENT_AUTH_REJECTED when there are too many: forgetting one would allow guessing. */
  of(name: string, budget: number): AccountLedger {
    const key = nameOf(name)
    const known = this.#ledgers.get(key)
    if (known !== undefined) return known
    if (this.#ledgers.size >= MAX_LEDGERS) this.#forgetEmpty()
    if (this.#ledgers.size >= MAX_LEDGERS) {
      const detail = 'too many accounts were rejected lately, wait half an hour'
      throw new ProxyError('CLIENT_AUTH_REJECTED', { detail })
    }
    const ledger = new AccountLedger({ budget, windowMs: LOGON_WINDOW_MS })
    this.#ledgers.set(key, ledger)
    return ledger
  }

  #forgetEmpty(): void {
    const now = this.#clock.now()
    for (const [key, ledger] of this.#ledgers) if (ledger.isEmpty(now)) this.#ledgers.delete(key)
  }
}

/** The user name without its domain, in either notation. Directories ignore spaces around it. */
export function nameOf(user: string): string {
  return user.replace(/@.*$/s, '').trim().toUpperCase()
}
