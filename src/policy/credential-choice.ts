/** How to read the hashes in a configuration: as cntlm up to 0.92 wrote them, or as 0.94 does. */
export type Reading = 'inverted' | 'plain'

/** State persisted for the next process. Nothing in it is derived from the hashes. */
export interface ReadingRecord {
  /** Unix time in ms of the last configuration change; the record applies only to that configuration. */
  readonly configChangedAt: number
  /** Readings that were sent and rejected, or whose verdict was pending. */
  readonly tried: readonly Reading[]
  readonly accepted?: Reading
}

/** The installed base's reading comes first. */
const READINGS: readonly Reading[] = ['inverted', 'plain']

/**
 * Chooses a reading of the hashes when the file does not say which one applies. Each is rejected at most once: after the first comes the
 * second, then none. An accepted reading stays: a later rejection means that the password was changed, and no other reading of an old hash
 * can be right.
 */
export class CredentialChoice {
  readonly #isUncertain: boolean
  readonly #configChangedAt: number
  readonly #earlier: ReadingRecord | undefined
  #tried: readonly Reading[]
  #accepted: Reading | undefined
  #isSent = false

  /**
   * @param isUncertain whether both readings are possible.
   * @param configChangedAt Unix time in ms.
   * @param record an earlier process's record, of this configuration or another one.
   */
  constructor(isUncertain: boolean, configChangedAt: number, record: ReadingRecord | undefined) {
    this.#isUncertain = isUncertain
    this.#configChangedAt = configChangedAt
    this.#earlier = record?.configChangedAt === configChangedAt ? record : undefined
    this.#tried = isUncertain ? (this.#earlier?.tried ?? []) : []
    this.#accepted = isUncertain ? this.#earlier?.accepted : undefined
  }

  /** The reading to send; undefined when there is no choice or none is left. */
  get current(): Reading | undefined {
    return this.#accepted ?? this.#untried[0]
  }

  /** undefined until a reading is accepted, by this process or an earlier one. */
  get accepted(): Reading | undefined {
    return this.#accepted
  }

  /** One reading is ruled out, and the other was never sent. */
  get isHalfTried(): boolean {
    return this.#isOpen && this.#tried.length > 0 && this.#untried.length > 0
  }

  /** Another reading is left if the current one is rejected. */
  get hasOther(): boolean {
    return this.#isOpen && this.#untried.length > 1
  }

  /** Both readings are ruled out. */
  get isExhausted(): boolean {
    return this.#isOpen && this.#untried.length === 0
  }

  /** Counts a reading in flight as tried: if this process ends before the verdict, the next one must not resend it. */
  get record(): ReadingRecord | undefined {
    if (!this.#isUncertain) return this.#earlier
    const configChangedAt = this.#configChangedAt
    if (this.#accepted !== undefined)
      return { configChangedAt, tried: [], accepted: this.#accepted }
    const tried = [...this.#tried, ...(this.#isSent ? this.#untried.slice(0, 1) : [])]
    return tried.length === 0 ? undefined : { configChangedAt, tried }
  }

  /** The current reading is about to be sent. Ended by `reject`, `accept` or `leaveOpen`. */
  send(): void {
    this.#isSent = true
  }

  reject(): void {
    this.#isSent = false
    if (this.#isOpen) this.#tried = [...this.#tried, ...this.#untried.slice(0, 1)]
  }

  accept(): void {
    this.#isSent = false
    this.#accepted = this.current
  }

  /** No verdict came, or the reading was not sent after all: its state does not change. */
  leaveOpen(): void {
    this.#isSent = false
  }

  get #isOpen(): boolean {
    return this.#isUncertain && this.#accepted === undefined
  }

  get #untried(): readonly Reading[] {
    return this.#isUncertain ? READINGS.filter(reading => !this.#tried.includes(reading)) : []
  }
}
