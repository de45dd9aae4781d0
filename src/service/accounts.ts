import { createHmac } from 'node:crypto'
import type { Config } from '../config/index.ts'
import { type Clock, isProxyError, ProxyError } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import { credentialsFromPassword, type NtlmCredentials, parseAccount } from '../ntlm/index.ts'
import { GUARD_DEFAULTS, RejectionLedger } from '../policy/index.ts'
import type { Accounts } from '../proxy/index.ts'
import { accountOf, type Identity } from '../upstream/index.ts'
import { clientLogon, type GuardedIdentity, type LogonPorts } from './logons.ts'

/** Sessions of so many accounts are kept; the one that was not used for the longest time goes. */
const MAX_IDENTITIES = 256
/** So many accounts may have rejected logons that still count. */
const MAX_LEDGERS = 10_000

/** Of the rejections that the account of the configuration may have, clients may cause one: it must not be spoilt by them. */
const BUDGET_AT_OWN_ACCOUNT = 1

/**
 * The rejections of all accounts that clients named, kept as long as they count. `alice`, `CORP\\alice` and `alice@corp.test` may be
 * one account, or one that the directory takes for another, so the name alone counts.
 */
export class AccountLedgers {
  readonly #ledgers = new Map<string, RejectionLedger>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws ProxyError CLIENT_AUTH_REJECTED when there are too many: forgetting one would allow guessing. */
  of(name: string): RejectionLedger {
    const key = nameOf(name)
    const known = this.#ledgers.get(key)
    if (known !== undefined) return known
    if (this.#ledgers.size >= MAX_LEDGERS) this.#forgetEmpty()
    if (this.#ledgers.size >= MAX_LEDGERS) {
      const detail = 'too many accounts were rejected lately, wait half an hour'
      throw new ProxyError('CLIENT_AUTH_REJECTED', { detail })
    }
    const ledger = new RejectionLedger([], GUARD_DEFAULTS)
    this.#ledgers.set(key, ledger)
    return ledger
  }

  #forgetEmpty(): void {
    const now = this.#clock.wallMs()
    for (const [key, ledger] of this.#ledgers) if (ledger.isEmpty(now)) this.#ledgers.delete(key)
  }
}

export interface ClientCounts {
  readonly known: number
  readonly refused: number
}

export interface OwnAccount extends GuardedIdentity {
  readonly credentials: NtlmCredentials
}

export interface ProxyAccountsOptions extends LogonPorts {
  readonly config: Config
  readonly workstation: string
  readonly own: OwnAccount | undefined
  readonly ledgers: AccountLedgers
  /** Called for an identity whose sessions need not be kept. */
  readonly onForgotten: (identity: Identity) => void
}

/**
 * The account of the configuration and those that clients name. Each user name and password together is an identity with
 * sessions of its own: who names an account with another password gets nothing of what the right one opened.
 */
export class ProxyAccounts implements Accounts {
  readonly #options: ProxyAccountsOptions
  /** Keys are made with a secret of the process: passwords are not kept in clear text. */
  readonly #key: Buffer
  readonly #identities = new Map<string, Identity>()

  constructor(options: ProxyAccountsOptions) {
    this.#options = options
    this.#key = options.entropy.bytes(32)
  }

  get own(): Identity | undefined {
    return this.#options.own?.identity
  }

  /** How many accounts clients named, and for how many of them no logon would be let through. */
  get clientCounts(): ClientCounts {
    const identities = [...this.#identities.values()].filter(identity => identity !== this.own)
    const refused = identities.filter(({ gate }) => !gate.isOpen).length
    return { known: identities.length, refused }
  }

  ofClient({ user, password }: BasicCredentials): Identity {
    const key = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password.reveal()]))
      .digest('base64')
    const identity = this.#identities.get(key) ?? this.#make({ user, password })
    this.#identities.delete(key)
    this.#identities.set(key, identity)
    this.#forgetOldest()
    return identity
  }

  /** Sessions of clients' accounts are not needed any more. */
  forgetClients(): void {
    for (const identity of this.#identities.values()) this.#forget(identity)
    this.#identities.clear()
  }

  #make(basic: BasicCredentials): Identity {
    const { config, own, ledgers, clock, emit, entropy } = this.#options
    const credentials = this.#credentialsOf(basic)
    const account = accountOf(credentials)
    if (own?.credentials.fingerprint === credentials.fingerprint) return own.identity
    const { negotiateFlags } = config
    const options = { credentials, negotiateFlags, clock, emit, entropy }
    if (own !== undefined && nameOf(own.credentials.user) === nameOf(credentials.user)) {
      const isSame = accountOf(own.credentials).toUpperCase() === account.toUpperCase()
      if (isSame && own.identity.gate.isProven) {
        // The password is known to be another one. Asking would only count against the account that everybody uses.
        const detail = `${account} is the account of this proxy itself, and the password is not the one it has`
        throw new ProxyError('CLIENT_AUTH_REJECTED', { detail })
      }
      return clientLogon({ ...options, ledger: own.ledger, budget: BUDGET_AT_OWN_ACCOUNT })
    }
    const { budget } = GUARD_DEFAULTS
    return clientLogon({ ...options, ledger: ledgers.of(credentials.user), budget })
  }

  #credentialsOf({ user: username, password }: BasicCredentials): NtlmCredentials {
    const { config, workstation } = this.#options
    const { dialect, domain } = config
    try {
      const account = parseAccount({ username, domain })
      return credentialsFromPassword({ ...account, workstation, dialect, password })
    } catch (error) {
      if (!isProxyError(error)) throw error
      throw new ProxyError('CLIENT_AUTH_REJECTED', {
        detail: 'the user name or the password cannot be used with NTLM',
        cause: error,
      })
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#identities
    if (this.#identities.size <= MAX_IDENTITIES || oldest === undefined) return
    const [key, identity] = oldest
    this.#identities.delete(key)
    this.#forget(identity)
  }

  #forget(identity: Identity): void {
    if (identity !== this.own) this.#options.onForgotten(identity)
  }
}

/** A user's name without its domain, in either notation. */
function nameOf(user: string): string {
  return user.replace(/@.*$/s, '').toUpperCase()
}
