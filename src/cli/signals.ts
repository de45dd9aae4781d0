type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

/** A signal, or what was asked for otherwise; the log names it. */
export type StopCause = StopSignal | 'control socket' | 'closed terminal'

export interface Signals {
  /** The next cause to stop; each call asks for a further one. */
  next(): Promise<StopCause>
  /** As if a signal had come. */
  stop(cause: StopCause): void
}

/** Takes the signals that stop the program, from now until the process ends. */
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
