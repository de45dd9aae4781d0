/** A target that was asked for so often within the time is likely to be asked for once more. */
const ASKED = 3
const WITHIN_MS = 30_000

/** Of so many targets it is known how often they were asked for; the one asked for longest ago goes. */
const MAX_TARGETS = 64

/** Which targets are asked for again and again. All times are milliseconds of one clock. */
export class TargetHabits {
  /** The times of the last questions, by target. */
  readonly #asked = new Map<string, readonly number[]>()

  note(target: string, now: number): void {
    const times = [...(this.#asked.get(target) ?? []), now].slice(-ASKED)
    this.#asked.delete(target)
    this.#asked.set(target, times)
    const [oldest] = this.#asked.keys()
    if (this.#asked.size > MAX_TARGETS && oldest !== undefined) this.#asked.delete(oldest)
  }

  /** It is not to be expected again until it was asked for as often anew. */
  forget(target: string): void {
    this.#asked.delete(target)
  }

  isExpected(target: string, now: number): boolean {
    const times = this.#asked.get(target) ?? []
    return times.length === ASKED && times.every(at => now - at < WITHIN_MS)
  }
}
