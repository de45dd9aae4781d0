import type { Clock } from '../core/index.ts'
import { type Challenger, ORIGIN_LOGON, type Scheme } from './challenger.ts'
import type { Identity } from './identity.ts'

/** As long as directories count a wrong password. */
const DENIAL_MS = 30 * 60_000

/** After so many failed handshakes in a row its demands go to the client, for a while: it may only have been starting. */
const MAX_FAILURES = 2
const FAILED_MS = 60_000

/** A web server that is reached without a parent proxy, and what was learned of its ways. */
export class Origin implements Challenger {
  readonly label: string
  readonly host: string
  readonly framework = ORIGIN_LOGON
  readonly options: Challenger['options']
  scheme: Scheme = 'NTLM'
  /** `open` answered something without a logon, `ntlm` demanded one. */
  demand: 'unknown' | 'open' | 'ntlm' = 'unknown'
  /** It asked for Basic, so a client's Basic credentials may go there in clear text. */
  asksForBasic = false
  readonly #deniedUntil = new WeakMap<Identity, number>()
  #failures = 0
  #failedAt = 0

  constructor(label: string, host: string, options: { clock: Clock; handshakeTimeoutMs: number }) {
    this.label = label
    this.host = host
    this.options = options
  }

  /** Whether an identity may be sent: not where it was refused lately, nor where its guard forbids it. */
  maySend(identity: Identity): boolean {
    const now = this.options.clock.now()
    if (this.#failures >= MAX_FAILURES && now < this.#failedAt + FAILED_MS) return false
    const until = this.#deniedUntil.get(identity) ?? 0
    return now >= until && identity.gate.isOpen && identity.gate.mayAskOrigin()
  }

  /** It answered a logon with something that is none of its steps: some name NTLM and cannot do it. */
  failed(): void {
    this.#failures++
    this.#failedAt = this.options.clock.now()
  }

  accepted(): void {
    this.#failures = 0
  }

  /** It refused the identity. */
  denied(identity: Identity): void {
    this.#deniedUntil.set(identity, this.options.clock.now() + DENIAL_MS)
  }
}
