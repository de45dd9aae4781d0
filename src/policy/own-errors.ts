/** Errors in a row, and for how many targets: one site that is down says nothing about the upstream. */
const FAILING_ANSWERS = 5
const FAILING_TARGETS = 2

/** Detects an upstream that answers, but only with errors of its own. */
export class OwnErrors {
  readonly #targets = new Set<string>()
  #inARow = 0

  get areAll(): boolean {
    return this.#inARow >= FAILING_ANSWERS && this.#targets.size >= FAILING_TARGETS
  }

  /** The upstream answered a request for this target with an error of its own. */
  note(target: string): void {
    this.#inARow++
    if (this.#targets.size < FAILING_TARGETS) this.#targets.add(target)
  }

  /** The upstream gave any other answer. */
  clear(): void {
    if (this.#inARow === 0) return
    this.#inARow = 0
    this.#targets.clear()
  }
}
