/** How the hashes of a configuration can be read: as cntlm up to 0.92 wrote them, or as 0.94 does. */
export type Reading = 'inverted' | 'plain'

/** What a later process must know. Nothing in it comes from the hashes. */
export interface ReadingRecord {
  /** Unix time in ms of the last change of the configuration: the record is about no other one. */
  readonly configChangedAt: number
  /** Sent, and rejected or left without a verdict. */
  readonly tried: readonly Reading[]
  readonly accepted?: Reading
}

/** The reading of the installed base comes first. */
const READINGS: readonly Reading[] = ['inverted', 'plain']

/**
 * Which reading of the hashes is sent where the file does not tell. Each is rejected once at most: the second is
 * taken when the first is rejected, and after that none. What was accepted once stays: when it is rejected later, the
 * password was changed, and no other reading of an old hash can be right.
 */
export class CredentialChoice {
  readonly #isUncertain: boolean
  readonly #configChangedAt: number
  readonly #earlier: ReadingRecord | undefined
  #tried: readonly Reading[]
  #accepted: Reading | undefined
  #isSent = false

  /**
   * @param isUncertain whether there are two readings at all.
   * @param configChangedAt Unix time in ms.
   * @param record what an earlier process left, of this configuration or another one.
   */
  constructor(isUncertain: boolean, configChangedAt: number, record: ReadingRecord | undefined) {
    this.#isUncertain = isUncertain
    this.#configChangedAt = configChangedAt
    this.#earlier = record?.configChangedAt === configChangedAt ? record : undefined
    this.#tried = isUncertain ? (this.#earlier?.tried ?? []) : []
    this.#accepted = isUncertain ? this.#earlier?.accepted : undefined
  }

  /** What is to be sent; undefined when there is nothing to choose, or nothing left. */
  get current(): Reading | undefined {
    return this.#accepted ?? this.#untried[0]
  }

  /** undefined until one was accepted, in this process or before it. */
  get accepted(): Reading | undefined {
    return this.#accepted
  }

  /** One reading is out, and the other was never sent. */
  get isHalfTried(): boolean {
    return this.#isOpen && this.#tried.length > 0 && this.#untried.length > 0
  }

  /** Another reading is left for when the current one is rejected. */
  get hasOther(): boolean {
    return this.#isOpen && this.#untried.length > 1
  }

  /** Both readings are out. */
  get isExhausted(): boolean {
    return this.#isOpen && this.#untried.length === 0
  }

  /** Counts the one on its way as tried: a process that ends before the verdict must not send it again. */
  get record(): ReadingRecord | undefined {
    if (!this.#isUncertain) return this.#earlier
    const configChangedAt = this.#configChangedAt
    if (this.#accepted !== undefined)
      return { configChangedAt, tried: [], accepted: this.#accepted }
    const tried = [...this.#tried, ...(this.#isSent ? this.#untried.slice(0, 1) : [])]
    return tried.length === 0 ? undefined : { configChangedAt, tried }
  }

  /** The current reading goes out now. Ended by one of the three others. */
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

  /** No verdict came, or it was not sent after all: the reading stays as it was. */
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
