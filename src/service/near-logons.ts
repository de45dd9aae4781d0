import type { BasicCredentials } from '../http1/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import type { GuardGate, Identity } from '../upstream/index.ts'
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
  readonly configChangedAtMs: number
}

/** Logons whose guards are in this process. What is known of them outlives a change of the configuration. */
export class NearLogons implements Logons {
  readonly #options: NearLogonsOptions
  readonly #ledgers: AccountLedgers
  /** The last one there was: a configuration without an account is no reason to forget what is known of it. */
  #kept: KeptAccount | undefined
  #account: KeptAccount | undefined

  constructor(options: NearLogonsOptions) {
    this.#options = options
    this.#ledgers = new AccountLedgers(options.clock)
  }

  get guard(): GuardGate | undefined {
    return this.#account?.guard
  }

  /**
   * As it was, verdict and all, when nothing about it changed. A password that was rejected gets the chance of a new start when the file
   * was changed since.
   */
  own(input: BuildInput): Identity | undefined {
    const { config, credentials, alternative, configChangedAtMs } = input
    this.#account = undefined
    if (credentials === undefined) return undefined
    const { negotiateFlags } = config
    const key = accountKey(credentials, alternative, negotiateFlags)
    const kept = this.#kept
    const isSame =
      kept?.key === key && (kept.guard.isOpen || kept.configChangedAtMs === configChangedAtMs)
    if (isSame) {
      this.#account = kept
      return kept.identity
    }
    const logon = ownLogon({
      ...this.#options,
      credentials,
      alternative,
      negotiateFlags,
      configChangedAtMs,
    })
    this.#kept = { ...logon, credentials, key, configChangedAtMs }
    this.#account = this.#kept
    return logon.identity
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
}

function accountKey(
  { fingerprint, workstation }: NtlmCredentials,
  alternative: NtlmCredentials | undefined,
  negotiateFlags: number | undefined,
): string {
  return JSON.stringify([fingerprint, workstation, alternative?.fingerprint, negotiateFlags])
}
