type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

/** The signal or other cause of a stop; the log names it. */
export type StopCause = StopSignal | 'control socket' | 'closed terminal'

export interface Signals {
  /** The next stop cause; each call waits for a further one. */
  next(): Promise<StopCause>
  /** Acts as if a signal had arrived. */
  stop(cause: StopCause): void
}

/** Handles the signals that stop the program, from now until the process exits. */
export function watchSignals(stopSignals: readonly StopSignal[]): Signals {
  const received: StopCause[] = []
  const waiting: ((cause: StopCause) => void)[] = []
  const stop = (cause: StopCause): void => {
    const next = waiting.shift()
    if (next === undefined) received.push(cause)
    else next(cause)
  }
  for (const signal of stopSignals) process.on(signal, () => stop(signal))
  return {
    stop,
    next: async () =>
      new Promise(resolve => {
        const cause = received.shift()
        if (cause === undefined) waiting.push(resolve)
        else resolve(cause)
      }),
  }
}
