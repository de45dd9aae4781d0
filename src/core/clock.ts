export interface Timer {
  cancel(): void
}

/** Time as an argument. `now` is monotonic and in milliseconds; `wallMs` is Unix time in milliseconds. */
export interface Clock {
  now(): number
  wallMs(): number
  /** Calls `fn` once after `ms`. Only a timer that `holds` keeps the process alive. */
  setTimer(ms: number, fn: () => void, holds?: 'process'): Timer
}

/** The only place that touches timers and Date. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(ms, fn, holds) {
    const handle = setTimeout(fn, ms)
    if (holds === undefined) handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Blocks this thread, to be used only while the process exits: nothing else in the thread runs meanwhile. */
export function systemBlock(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
