import type { Logon } from './account-ledger.ts'
import type { Reading } from './credential-choice.ts'

/** What a caller could do with a place. */
export interface LogonWish {
  readonly ride: boolean
  /** False where the upstream does not answer checks, and at origins. */
  readonly check: boolean
  /** It may ride in the last place, if nothing else is in flight: at an upstream that does not answer checks. */
  readonly mayRideLast?: boolean
  /** The upstream that is to give the verdict. */
  readonly at?: string
  /** Upstreams that can be asked instead. */
  readonly others?: readonly string[]
  /** It is to tell what a refusal meant, so it goes ahead of all others. */
  readonly settles?: boolean
}

export type Permit =
  | { readonly kind: 'grant'; readonly logon: Logon; readonly proven: boolean }
  /** @property forMs when to ask again, if no verdict comes before; undefined: when one comes. */
  | { readonly kind: 'wait'; readonly forMs: number | undefined }
  | { readonly kind: 'refuse' }
  /** A logon at this upstream is slow, which may be the upstream: another one is to be asked. */
  | { readonly kind: 'elsewhere' }

/**
 * - `refused`: a proxy answered the AUTHENTICATE with another 407.
 * - `refused-late`: the same after so long that a domain controller out of reach is likelier than a bad password.
 * - `timed-out`: no answer within HandshakeTimeout. A controller that had looked at the password would have answered.
 * - `refused-here`: the same, while another upstream accepts the secret.
 * - `denied`: an origin refused the account, which can be a matter of rights as well.
 * - `unanswered`: the connection broke before an answer.
 */
export type LogonVerdict =
  | 'accepted'
  | 'refused'
  | 'refused-late'
  | 'refused-here'
  | 'denied'
  | 'timed-out'
  | 'unanswered'
  | 'not-sent'

/** How the caller that met a refusal can settle it. */
export type Settlement =
  /** A check at another upstream can decide. */
  | 'elsewhere'
  /** A check at this upstream can: the refusal was of a ride. */
  | 'here'
  /** No upstream answers checks: the target may be the reason, so another target may be tried. */
  | 'by-other-target'
  | 'none'

/** What follows from a verdict. */
export type Consequence = 'none' | 'rejected' | 'settle' | 'blame-target' | 'other-reading'

export function isRefusal(verdict: LogonVerdict): boolean {
  return verdict === 'refused' || verdict === 'denied'
}

/** A snapshot of the guard, for processes that cannot ask it each time. Durations in ms, from now. */
export interface GuardForecast {
  /** Whether it was accepted lately and is not doubted, and for how long that holds. */
  readonly proofForMs: number
  /** Nothing is sent before that; NEVER_MS: until the configuration is changed. */
  readonly refusedForMs: number
  readonly asksOrigins: boolean
  /** How the hashes are to be read; undefined where there is no choice. */
  readonly reading: Reading | undefined
}

/** Unlike Infinity it can be written in JSON. */
export const NEVER_MS = Number.MAX_SAFE_INTEGER
