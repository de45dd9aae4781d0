import type { BasicCredentials } from '../http1/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { accountOf, type GuardGate, type Identity } from '../upstream/index.ts'
import { AccountLedgers } from './account-ledgers.ts'
import type { BuildInput } from './build-input.ts'
import { identifyClient, type OwnAccount } from './client-logons.ts'
import type { GuardStore } from './guard-store.ts'
import { type LogonPorts, ownLogon } from './logons.ts'

/** Creates the identities that log on. */
export interface Logons {
  /** The guard of the configured account, if it is in this process. */
  readonly guard: GuardGate | undefined
  /** Sets the configured account. Returns undefined without one. */
  own(input: BuildInput): Identity | undefined
  /** The identity of an account named by a client. @throws ProxyError CLIENT_AUTH_REJECTED. */
  identify(basic: BasicCredentials, input: Pick<BuildInput, 'config' | 'workstation'>): Identity
}

export interface NearLogonsOptions extends LogonPorts {
  readonly guardStore: GuardStore
}

interface KeptAccount extends OwnAccount {
  readonly key: string
}

/** How many passwords are remembered before the oldest one is forgotten; the budget is used up long before that. */
const MAX_SECRETS = 16

/** Logons with guards in this process. Their state survives configuration changes. */
export class NearLogons implements Logons {
  readonly #options: NearLogonsOptions
  readonly #ledgers: AccountLedgers
  /** By secret, the latest last: a secret that is configured again after a rejection is still rejected. */
  readonly #kept = new Map<string, KeptAccount>()
  #account: KeptAccount | undefined

  constructor(options: NearLogonsOptions) {
    this.#options = options
    this.#ledgers = new AccountLedgers(options.clock)
  }

  get guard(): GuardGate | undefined {
    return this.#account?.guard
  }

  /** Keeps the account and its verdict if the secret is the same; a different secret may be tried immediately. */
  own(input: BuildInput): Identity | undefined {
    const { config, credentials, alternative } = input
    this.#account = undefined
    if (credentials === undefined) return undefined
    const key = accountKey(credentials, alternative, config.negotiateFlags)
    const kept = this.#kept.get(key) ?? this.#make(input, credentials, key)
    kept.ledger.limits = { ...kept.ledger.limits, budget: config.logonBudget }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_SECRETS && oldest !== undefined) this.#kept.delete(oldest)
    this.#account = kept
    return kept.identity
  }

  identify(
    basic: BasicCredentials,
    { config, workstation = '' }: Pick<BuildInput, 'config' | 'workstation'>,
  ): Identity {
    const { clock, emit, entropy } = this.#options
    return identifyClient(basic, {
      config,
      workstation,
      own: this.#account,
      ledgers: this.#ledgers,
      clock,
      emit,
      entropy,
    })
  }

  #make(input: BuildInput, credentials: NtlmCredentials, key: string): KeptAccount {
    const { alternative, config, configChangedAtMs, secretOrigin = '' } = input
    const account = accountOf(credentials).toUpperCase()
    const sameAccount = [...this.#kept.values()].findLast(
      other => accountOf(other.credentials).toUpperCase() === account,
    )
    const logon = ownLogon({
      ...this.#options,
      credentials,
      alternative,
      negotiateFlags: config.negotiateFlags,
      budget: config.logonBudget,
      configChangedAtMs,
      secretOrigin,
      ledger: sameAccount?.ledger,
    })
    return { ...logon, credentials, key }
  }
}

function accountKey(
  { fingerprint, workstation }: NtlmCredentials,
  alternative: NtlmCredentials | undefined,
  negotiateFlags: number | undefined,
): string {
  return JSON.stringify([fingerprint, workstation, alternative?.fingerprint, negotiateFlags])
}
