import { Cancellation, type CancelSignal, ProxyError } from '../../core/index.ts'

/** Whose name it is: one of the configuration, which everybody needs, or what a client asked for. */
export type NameUse = 'upstream' | 'target'

/**
 * All addresses of a name. A rejection with anything but a ProxyError and an empty list both mean that it has none. The signal tells
 * that nobody waits any longer.
 */
export type ResolveName = (
  name: string,
  use: NameUse,
  signal: CancelSignal,
) => Promise<readonly string[]>

interface LookUp {
  readonly answer: Promise<readonly string[]>
  readonly abandoned: Cancellation
  waiting: number
}

/** Asks for each name once at a time, however many wait for it; apart for clients, whose look-ups may have to wait in line. */
export class LookUps {
  readonly #resolve: ResolveName
  readonly #running = new Map<string, LookUp>()

  constructor(resolve: ResolveName) {
    this.#resolve = resolve
  }

  /** @throws ProxyError CLIENT_ABORTED with the signal, and whatever the resolver throws. */
  ask(name: string, use: NameUse, signal: CancelSignal): Promise<readonly string[]> {
    const key = `${use} ${name}`
    const lookUp = this.#running.get(key) ?? this.#begin(key, name, use)
    lookUp.waiting++
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        lookUp.waiting--
        if (lookUp.waiting === 0) this.#abandon(key, lookUp)
        reject(new ProxyError('CLIENT_ABORTED'))
      }
      const stay = (): void => signal.removeEventListener('abort', leave)
      signal.addEventListener('abort', leave, { once: true })
      void lookUp.answer.then(resolve, reject).finally(stay)
      if (signal.aborted) leave()
    })
  }

  #begin(key: string, name: string, use: NameUse): LookUp {
    const abandoned = new Cancellation()
    const answer = this.#resolve(name, use, abandoned).finally(() => this.#forget(key, lookUp))
    // Everybody who waited may have left.
    answer.catch(() => undefined)
    const lookUp: LookUp = { answer, abandoned, waiting: 0 }
    this.#running.set(key, lookUp)
    return lookUp
  }

  /** Whoever asks from now on begins anew. */
  #abandon(key: string, lookUp: LookUp): void {
    this.#forget(key, lookUp)
    lookUp.abandoned.abort()
  }

  #forget(key: string, lookUp: LookUp): void {
    if (this.#running.get(key) === lookUp) this.#running.delete(key)
  }
}
