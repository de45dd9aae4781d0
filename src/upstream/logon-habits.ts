import type { Clock } from '../core/index.ts'
import { DeniedTargets } from '../policy/index.ts'

/** An upstream that did not answer a logon check is not sent another one for so long. */
const NO_CHECKS_MS = 3_600_000

/** An upstream that has answered checks goes on to be sent them until so many connections in a row broke in one. */
const BREAKS_IN_A_ROW = 3

/** A ride that is not answered holds its place: for a while checks go ahead of requests. */
const NO_RIDES_MS = 300_000

/** What was learned of how an upstream deals with logons. */
export class LogonHabits {
  readonly #denied: DeniedTargets
  readonly #clock: Clock
  readonly #isChecked: boolean
  #hasAnsweredChecks = false
  #breaks = 0
  #checksOffUntil = 0
  #ridesOffUntil = 0

  /** @param keepsChecks false where another target of checks may do better than that of the predecessor. */
  constructor(clock: Clock, isChecked: boolean, predecessor?: LogonHabits, keepsChecks = true) {
    this.#clock = clock
    this.#isChecked = isChecked
    this.#denied = predecessor === undefined ? new DeniedTargets() : predecessor.#denied
    if (predecessor === undefined || !keepsChecks) return
    this.#hasAnsweredChecks = predecessor.#hasAnsweredChecks
    this.#checksOffUntil = predecessor.#checksOffUntil
    this.#ridesOffUntil = predecessor.#ridesOffUntil
  }

  /** False where checks are switched off, or one was not answered as a logon is: requests do without then. */
  get answersChecks(): boolean {
    return this.#isChecked && this.#clock.now() >= this.#checksOffUntil
  }

  /** It answered a check with a demand for a logon: an answer without one means that the connection is logged on. */
  get hasAnsweredChecks(): boolean {
    return this.#hasAnsweredChecks && this.answersChecks
  }

  noteAnsweredCheck(): void {
    this.#hasAnsweredChecks = true
    this.#breaks = 0
  }

  /** The connection broke before a check was answered: an accident, unless the upstream always does that. */
  noteBrokenCheck(): void {
    if (!this.#hasAnsweredChecks || ++this.#breaks >= BREAKS_IN_A_ROW) this.stopChecks()
  }

  /** The first answer to a check was no demand for a logon, or there was none: it is not sent another one for a while. */
  stopChecks(): void {
    this.#hasAnsweredChecks = false
    this.#breaks = 0
    this.#checksOffUntil = this.#clock.now() + NO_CHECKS_MS
  }

  /** False for a while after a ride was not answered in time. */
  get answersRides(): boolean {
    return this.#clock.now() >= this.#ridesOffUntil
  }

  stopRides(): void {
    this.#ridesOffUntil = this.#clock.now() + NO_RIDES_MS
  }

  isDenied(target: string): boolean {
    return this.#denied.has(target, this.#clock.now())
  }

  deny(target: string): void {
    this.#denied.add(target, this.#clock.now())
  }

  /** It served a target that its policy denied before. */
  noteServed(target: string): void {
    this.#denied.remove(target)
  }
}
