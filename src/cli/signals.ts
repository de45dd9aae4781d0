export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

export interface Signals {
  /** The next stop signal; each call asks for a further one. */
  next(): Promise<StopSignal>
}

/** Takes the signals that stop the program, from now until the process ends. */
export function watchSignals(stopSignals: readonly StopSignal[]): Signals {
  const received: StopSignal[] = []
  const waiting: ((signal: StopSignal) => void)[] = []
  for (const signal of stopSignals) {
    process.on(signal, () => {
      const next = waiting.shift()
      if (next === undefined) received.push(signal)
      else next(signal)
    })
  }
  return {
    next: async () =>
      new Promise(resolve => {
        const signal = received.shift()
        if (signal === undefined) waiting.push(resolve)
        else resolve(signal)
      }),
  }
}
