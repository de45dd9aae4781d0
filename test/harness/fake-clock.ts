import type { Clock, Timer } from '../../src/core/index.ts'

interface Pending {
  at: number
  fn: () => void
}

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  #now = 0
  #wall: number
  #pending: Pending[] = []

  constructor(wallMs = 1_700_000_000_000) {
    this.#wall = wallMs
  }

  now(): number {
    return this.#now
  }

  wallMs(): number {
    return this.#wall
  }

  setTimer(ms: number, fn: () => void): Timer {
    const entry = { at: this.#now + ms, fn }
    this.#pending.push(entry)
    return { cancel: () => void (this.#pending = this.#pending.filter(other => other !== entry)) }
  }

  get pendingTimers(): number {
    return this.#pending.length
  }

  /** Moves time on, firing what falls due in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#pending.filter(entry => entry.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#pending = this.#pending.filter(entry => entry !== due)
      this.#wall += due.at - this.#now
      this.#now = due.at
      due.fn()
    }
    this.#wall += end - this.#now
    this.#now = end
  }
}
