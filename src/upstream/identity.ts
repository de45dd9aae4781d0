import type { Authenticator } from './authenticator.ts'
import type { Gate } from './guard-gate.ts'

/** Who logs on: the account, and the guard that says when it may be shown. */
export interface Identity {
  readonly authenticator: Authenticator
  readonly gate: Gate
}
