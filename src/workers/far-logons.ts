import type { Clock, Entropy } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { type BuildInput, credentialsOf, type Logons } from '../service/index.ts'
import { type Identity, ntlmAuthenticator } from '../upstream/index.ts'
import { FarGate, type GateLine } from './far-gate.ts'
import type { OwnGuard } from './messages.ts'

export interface FarLogonsPorts {
  readonly clock: Clock
  readonly entropy: Entropy
}

interface OwnAccount {
  readonly serial: number
  readonly fingerprint: string
  readonly gate: FarGate
  readonly identity: Identity
}

/** Logons with guards in the parent process. */
export class FarLogons implements Logons {
  readonly guard = undefined
  readonly #line: GateLine
  readonly #ports: FarLogonsPorts
  #coming: OwnGuard | undefined
  #own: OwnAccount | undefined

  constructor(line: GateLine, ports: FarLogonsPorts) {
    this.#line = line
    this.#ports = ports
  }

  /** Sets the guard for the account of the next configuration. */
  expect(own: OwnGuard | undefined): void {
    this.#coming = own
  }

  /** Updates the forecast of a guard. */
  learn({ serial, forecast }: OwnGuard): void {
    if (this.#own?.serial === serial) this.#own.gate.learn(forecast)
  }

  /** The serial number assigned by the parent process tells whether the account is the same as before. */
  own({ config, credentials, alternative }: BuildInput): Identity | undefined {
    if (credentials === undefined || this.#coming === undefined) {
      this.#own = undefined
      return undefined
    }
    const { serial, forecast } = this.#coming
    if (this.#own?.serial === serial) return this.#own.identity
    const gate = new FarGate(this.#line, { kind: 'own', serial }, forecast)
    const read = (): NtlmCredentials =>
      gate.reading === 'plain' ? (alternative ?? credentials) : credentials
    const identity = this.#identity(read, config.negotiateFlags, gate)
    this.#own = { serial, fingerprint: credentials.fingerprint, gate, identity }
    return identity
  }

  identify(
    basic: BasicCredentials,
    { config, workstation = '' }: Pick<BuildInput, 'config' | 'workstation'>,
  ): Identity {
    const credentials = credentialsOf(basic, config, workstation)
    if (this.#own?.fingerprint === credentials.fingerprint) return this.#own.identity
    const { user, password } = basic
    const gate = new FarGate(this.#line, { kind: 'client', user, password: password.reveal() })
    return this.#identity(() => credentials, config.negotiateFlags, gate)
  }

  #identity(
    credentials: () => NtlmCredentials,
    negotiateFlags: number | undefined,
    gate: FarGate,
  ): Identity {
    const { clock, entropy } = this.#ports
    return {
      authenticator: ntlmAuthenticator({ credentials, entropy, clock, negotiateFlags }),
      gate,
    }
  }
}
