import type { Clock } from '../core/index.ts'
import { type Challenger, ORIGIN_LOGON, type Scheme } from './challenger.ts'
import type { Identity } from './identity.ts'

/** Directories count a bad password for this long. */
const DENIAL_MS = 30 * 60_000

/** After this many failed handshakes in a row its 401s go to the client for a while: it may only be starting up. */
const MAX_FAILURES = 2
const FAILED_MS = 60_000

/** A web server that is reached without a parent proxy, and its learned behavior. */
export class Origin implements Challenger {
  readonly label: string
  readonly host: string
  readonly framework = ORIGIN_LOGON
  readonly options: Challenger['options']
  scheme: Scheme = 'NTLM'
  /** `open`: answered without a logon. `ntlm`: required one. */
  demand: 'unknown' | 'open' | 'ntlm' = 'unknown'
  /** The origin asked for Basic, so a client's Basic credentials may go there in clear text. */
  asksForBasic = false
  readonly #deniedUntil = new WeakMap<Identity, number>()
  #failures = 0
  #failedAt = 0

  constructor(label: string, host: string, options: { clock: Clock; handshakeTimeoutMs: number }) {
    this.label = label
    this.host = host
    this.options = options
  }

  /** Whether an identity may log on: not if the origin refused it recently, or its guard forbids it. */
  maySend(identity: Identity): boolean {
    const now = this.options.clock.now()
    if (this.#failures >= MAX_FAILURES && now < this.#failedAt + FAILED_MS) return false
    const until = this.#deniedUntil.get(identity) ?? 0
    return now >= until && identity.gate.isOpen && identity.gate.mayAskOrigin()
  }

  /** The handshake failed: some servers name NTLM but do not implement it. */
  failed(): void {
    this.#failures++
    this.#failedAt = this.options.clock.now()
  }

  accepted(): void {
    this.#failures = 0
  }

  /** The origin refused the identity. */
  denied(identity: Identity): void {
    this.#deniedUntil.set(identity, this.options.clock.now() + DENIAL_MS)
  }
}
