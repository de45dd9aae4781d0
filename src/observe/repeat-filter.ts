import type { Clock } from '../core/index.ts'

export interface RepeatOptions {
  /** How many of a kind pass within a window. */
  readonly limit: number
  readonly windowMs: number
  /** How many kinds are told apart; what comes beyond shares one window for each `group`. */
  readonly maxKinds: number
}

interface Window<T> {
  count: number
  last: T
  close(): void
}

/** Lets the first few of a kind pass and counts the rest, so that one broken client cannot fill a disk. */
export class RepeatFilter<T> {
  readonly #clock: Clock
  readonly #options: RepeatOptions
  readonly #report: (last: T, suppressed: number) => void
  readonly #windows = new Map<string, Window<T>>()

  /** `report` is called when a window ends in which something was held back. */
  constructor(clock: Clock, options: RepeatOptions, report: (last: T, suppressed: number) => void) {
    this.#clock = clock
    this.#options = options
    this.#report = report
  }

  /** Whether this one is to be written. */
  admit(group: string, kind: string, value: T): boolean {
    const known = this.#windows.get(kind)
    const full = known === undefined && this.#windows.size >= this.#options.maxKinds
    const window = known ?? this.#window(full ? group : kind, value)
    window.count++
    window.last = value
    return window.count <= this.#options.limit
  }

  /** Ends every window now. */
  flush(): void {
    for (const window of [...this.#windows.values()]) window.close()
  }

  #window(key: string, value: T): Window<T> {
    const open = this.#windows.get(key)
    if (open !== undefined) return open
    const timer = this.#clock.setTimer(this.#options.windowMs, () => window.close())
    const window: Window<T> = {
      count: 0,
      last: value,
      close: () => {
        timer.cancel()
        this.#windows.delete(key)
        const suppressed = window.count - this.#options.limit
        if (suppressed > 0) this.#report(window.last, suppressed)
      },
    }
    this.#windows.set(key, window)
    return window
  }
}
