import type { BasicCredentials } from '../http1/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { accountOf, type GuardGate, type Identity } from '../upstream/index.ts'
import { AccountLedgers } from './account-ledgers.ts'
import type { BuildInput } from './build-input.ts'
import { identifyClient, type OwnAccount } from './client-logons.ts'
import type { GuardStore } from './guard-store.ts'
import { type LogonPorts, ownLogon } from './logons.ts'

/** Makes the identities that log on. */
export interface Logons {
  /** The guard of the account of the configuration, where it is in this process. */
  readonly guard: GuardGate | undefined
  /** The account of the configuration from now on; undefined without one. */
  own(input: BuildInput): Identity | undefined
  /** The account that a client names. @throws ProxyError CLIENT_AUTH_REJECTED. */
  identify(basic: BasicCredentials, input: Pick<BuildInput, 'config' | 'workstation'>): Identity
}

export interface NearLogonsOptions extends LogonPorts {
  readonly guardStore: GuardStore
}

interface KeptAccount extends OwnAccount {
  readonly key: string
}

/** A person tries so many passwords at most before the first one of them is forgotten; the budget has long been used up then. */
const MAX_SECRETS = 16

/** Logons whose guards are in this process. What is known of them outlives a change of the configuration. */
export class NearLogons implements Logons {
  readonly #options: NearLogonsOptions
  readonly #ledgers: AccountLedgers
  /** By secret, the last one at the end: one that comes back after a rejection is still rejected. */
  readonly #kept = new Map<string, KeptAccount>()
  #account: KeptAccount | undefined

  constructor(options: NearLogonsOptions) {
    this.#options = options
    this.#ledgers = new AccountLedgers(options.clock)
  }

  get guard(): GuardGate | undefined {
    return this.#account?.guard
  }

  /** As it was, verdict and all, when the secret is the same; a different one gets a try at once. */
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
