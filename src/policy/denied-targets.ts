/** A policy is changed now and then, and a session that is denied costs nothing: only a logon is saved by remembering. */
const DENIED_MS = 10 * 60_000

/** The one denied longest ago goes. */
const MAX_TARGETS = 1_000

/**
 * Targets that an upstream refused by its policy, with the 407 that it also uses to demand a logon. Requests for them go out without
 * an AUTHENTICATE of their own. All times are milliseconds of one clock.
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

  /** It was served after all. */
  remove(target: string): void {
    this.#until.delete(target)
  }
}
