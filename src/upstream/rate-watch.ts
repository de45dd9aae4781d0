import type { Clock, Timer } from '../core/index.ts'

/** Bursts and pauses shorter than this do not count. */
export const RATE_PERIOD_MS = 20_000

/** Reports the byte count of each period that falls below the minimum rate. */
export class RateWatch {
  readonly #clock: Clock
  readonly #leastBytes: number
  readonly #onSlow: (bytes: number) => void
  #bytes = 0
  #timer: Timer | undefined

  /** @param leastPerSecond bytes; 0 disables the watch. */
  constructor(clock: Clock, leastPerSecond: number, onSlow: (bytes: number) => void) {
    this.#clock = clock
    this.#leastBytes = (leastPerSecond * RATE_PERIOD_MS) / 1_000
    this.#onSlow = onSlow
  }

  moved(bytes: number): void {
    this.#bytes += bytes
  }

  /** Starts a new period. */
  start(): void {
    this.stop()
    if (this.#leastBytes === 0) return
    this.#bytes = 0
    this.#timer = this.#clock.setTimer(RATE_PERIOD_MS, () => {
      const bytes = this.#bytes
      this.start()
      if (bytes < this.#leastBytes) this.#onSlow(bytes)
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
