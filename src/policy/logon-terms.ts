import type { Logon } from './account-ledger.ts'
import type { Reading } from './credential-choice.ts'

/** How a caller could use a slot. */
export interface LogonWish {
  readonly ride: boolean
  /** False at upstreams that do not answer checks, and at origins. */
  readonly check: boolean
  /** May ride in the last slot if nothing else is in flight, as at an upstream that does not answer checks. */
  readonly mayRideLast?: boolean
  /** The upstream or origin that gives the verdict. */
  readonly at?: string
  /** Upstreams that could take the logon instead. */
  readonly others?: readonly string[]
  /** The logon settles a refusal, so it takes precedence over all others. */
  readonly settles?: boolean
}

export type Permit =
  | { readonly kind: 'grant'; readonly logon: Logon; readonly proven: boolean }
  /** @property forMs when to ask again if no verdict comes first; undefined: after the next verdict. */
  | { readonly kind: 'wait'; readonly forMs: number | undefined }
  | { readonly kind: 'refuse' }
  /** A logon at this upstream is slow, perhaps because of the upstream: use another one. */
  | { readonly kind: 'elsewhere' }

/**
 * - `refused`: a proxy answered the AUTHENTICATE with another 407.
 * - `refused-late`: the same, but so late that an unreachable domain controller is more likely than a bad password.
 * - `timed-out`: no answer within HandshakeTimeout. A controller that had checked the password would have answered.
 * - `refused-here`: refused, while another upstream accepts the secret.
 * - `denied`: an origin refused the account, possibly for lack of permission.
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

/** How the caller that got a refusal can settle it. */
export type Settlement =
  /** A check at another upstream can decide. */
  | 'elsewhere'
  /** A check at this upstream can decide: the refused logon was a ride. */
  | 'here'
  /** No upstream answers checks. The target may be the reason, so another target may be tried. */
  | 'by-other-target'
  | 'none'

/** What follows from a verdict. */
export type Consequence = 'none' | 'rejected' | 'settle' | 'blame-target' | 'other-reading'

export function isRefusal(verdict: LogonVerdict): boolean {
  return verdict === 'refused' || verdict === 'denied'
}

/** A snapshot of the guard for processes that cannot query it each time. Durations in ms, from now. */
export interface GuardForecast {
  /** How long the secret still counts as recently accepted and not doubted; 0 if it does not. */
  readonly proofForMs: number
  /** Nothing is sent for this long; NEVER_MS: until the configuration is changed. */
  readonly refusedForMs: number
  readonly asksOrigins: boolean
  /** How to read the hashes; undefined when there is no choice. */
  readonly reading: Reading | undefined
}

/** Unlike Infinity, it can be written in JSON. */
export const NEVER_MS = Number.MAX_SAFE_INTEGER
