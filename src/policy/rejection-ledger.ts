/**
 * The rejected logons of one account, whatever password they were made with: that is what a directory counts. Several
 * credentials of one account (that of the configuration, those of clients) have one ledger. All times are Unix times in ms.
 */
export class RejectionLedger {
  readonly #windowMs: number
  #times: number[]
  #pending = 0

  constructor(times: readonly number[], { windowMs }: { readonly windowMs: number }) {
    this.#windowMs = windowMs
    this.#times = [...times].sort((a, b) => a - b)
  }

  get times(): readonly number[] {
    return this.#times
  }

  /**
   * When a logon whose outcome is open may be made; a time that is over when it may be made at once.
   * @param budget how many rejections there may be.
   */
  freeAt(budget: number): number {
    const oldestThatCounts = this.#times.at(-budget)
    return oldestThatCounts === undefined ? 0 : oldestThatCounts + this.#windowMs
  }

  /** Whether one more logon would stay within the budget if it and all that are on their way were rejected. */
  hasRoom(now: number, budget: number): boolean {
    return this.#recent(now).length + this.#pending < budget
  }

  /** A logon whose outcome is open goes out. Ended by `settle`. */
  begin(): void {
    this.#pending++
  }

  settle(): void {
    this.#pending--
  }

  add(now: number): void {
    this.#times = [...this.#recent(now), now]
  }

  /** Leaves room for one more rejection within the budget, where there was none. */
  makeRoom(budget: number): void {
    this.#times = this.#times.slice(Math.max(0, this.#times.length - budget + 1))
  }

  /** The directory has forgotten them. */
  clear(): void {
    this.#times = []
  }

  /** Whether nothing in it counts any more. */
  isEmpty(now: number): boolean {
    return this.#pending === 0 && this.#recent(now).length === 0
  }

  #recent(now: number): number[] {
    return this.#times.filter(at => at > now - this.#windowMs)
  }
}
