import type { Clock, Timer } from './clock.ts'

/** Calls back when nothing has moved for `idleMs`, once for each start. With 0 it never does. */
export class IdleWatch {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #onIdle: () => void
  #lastMoved = 0
  #timer: Timer | undefined

  constructor(clock: Clock, idleMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#idleMs = idleMs
    this.#onIdle = onIdle
  }

  /** By the monotonic clock. */
  get lastMovedAt(): number {
    return this.#lastMoved
  }

  /** Counts from now on. */
  start(): void {
    this.stop()
    this.moved()
    if (this.#idleMs === 0) return
    this.#arm(this.#idleMs)
  }

  /** Cheap enough for each piece of a stream: the timer is set anew only when it fires. */
  moved(): void {
    this.#lastMoved = this.#clock.now()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(ms, () => {
      const left = this.#lastMoved + this.#idleMs - this.#clock.now()
      if (left > 0) {
        this.#arm(left)
        return
      }
      this.stop()
      this.#onIdle()
    })
  }
}
