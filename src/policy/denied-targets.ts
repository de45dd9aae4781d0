/** Policies change, and a denied session costs nothing: remembering only saves a logon. */
const DENIED_MS = 10 * 60_000

/** Beyond this, the target denied longest ago is dropped. */
const MAX_TARGETS = 1_000

/**
 * Targets that an upstream's policy denies with a 407, the same status that asks for a logon. Requests for them carry no AUTHENTICATE of
 * their own. All times are in ms on one clock.
 */
export class DeniedTargets {
  readonly #until = new Map<string, number>()

  add(target: string, now: number): void {
    this.#until.delete(target)
    this.#until.set(target, now + DENIED_MS)
    const [oldest] = this.#until.keys()
    if (this.#until.size > MAX_TARGETS && oldest !== undefined) this.#until.delete(oldest)
  }

  has(target: string, now: number): boolean {
    return now < (this.#until.get(target) ?? 0)
  }

  /** The upstream served the target after all. */
  remove(target: string): void {
    this.#until.delete(target)
  }
}
