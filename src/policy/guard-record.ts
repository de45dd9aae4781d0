import type { LedgerRecord } from './account-ledger.ts'
import type { ReadingRecord } from './credential-choice.ts'

/** What a guard leaves for later processes. */
export interface GuardRecord extends LedgerRecord {
  /** Unix time in ms at which an unproven AUTHENTICATE was sent whose verdict is pending. */
  readonly pendingSince?: number
  /** The refused secret; absent when none was refused. */
  readonly refused?: RefusedSecret
  /** Absent when the hashes have only one reading, or none was tried yet. */
  readonly readings?: ReadingRecord
}

export interface RefusedSecret {
  /** Lets a later process recognize the secret without helping anyone to guess it (@see SecretOrigin). */
  readonly origin: string
  /** Unix time in ms before which the secret is not sent again. */
  readonly until: number
  /** The secret had been accepted before. */
  readonly hadWorked: boolean
}
