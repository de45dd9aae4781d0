export interface Timer {
  cancel(): void
}

/** Time as an argument. `now` is monotonic and in milliseconds; `wallMs` is Unix time in milliseconds. */
export interface Clock {
  now(): number
  wallMs(): number
  /** Calls `fn` once after `ms`. The timer does not keep the process alive. */
  setTimer(ms: number, fn: () => void): Timer
}

/** The only place that touches timers and Date. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(ms, fn) {
    const handle = setTimeout(fn, ms)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}
