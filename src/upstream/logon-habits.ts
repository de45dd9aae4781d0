import type { Clock } from '../core/index.ts'
import { DeniedTargets } from '../policy/index.ts'

/** An upstream that did not answer a logon check gets no other for this long. */
const NO_CHECKS_MS = 3_600_000

/** An upstream that has answered checks keeps getting them until this many in a row break their connections. */
const BREAKS_IN_A_ROW = 3

/** An unanswered ride holds its slot, so checks replace rides for a while. */
const NO_RIDES_MS = 300_000

/** Learned behavior of an upstream regarding logons. */
export class LogonHabits {
  readonly #denied: DeniedTargets
  readonly #clock: Clock
  readonly #isChecked: boolean
  #hasAnsweredChecks = false
  #breaks = 0
  #checksOffUntil = 0
  #ridesOffUntil = 0

  /** @param keepsChecks false if the check target has changed and may work better than the predecessor's. */
  constructor(clock: Clock, isChecked: boolean, predecessor?: LogonHabits, keepsChecks = true) {
    this.#clock = clock
    this.#isChecked = isChecked
    this.#denied = predecessor === undefined ? new DeniedTargets() : predecessor.#denied
    if (predecessor === undefined || !keepsChecks) return
    this.#hasAnsweredChecks = predecessor.#hasAnsweredChecks
    this.#checksOffUntil = predecessor.#checksOffUntil
    this.#ridesOffUntil = predecessor.#ridesOffUntil
  }

  /** False when checks are switched off, or one was not answered with a 407; requests then do without. */
  get answersChecks(): boolean {
    return this.#isChecked && this.#clock.now() >= this.#checksOffUntil
  }

  /** The upstream has answered a check with a 407, so any other answer means that the connection is logged on. */
  get hasAnsweredChecks(): boolean {
    return this.#hasAnsweredChecks && this.answersChecks
  }

  noteAnsweredCheck(): void {
    this.#hasAnsweredChecks = true
    this.#breaks = 0
  }

  /** The connection broke before a check was answered: an accident, unless it always happens. */
  noteBrokenCheck(): void {
    if (!this.#hasAnsweredChecks || ++this.#breaks >= BREAKS_IN_A_ROW) this.stopChecks()
  }

  /** The first answer to a check was not a 407, or none came: suspends checks for a while. */
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

  /** The upstream served a target, so its policy no longer denies it. */
  noteServed(target: string): void {
    this.#denied.remove(target)
  }
}
