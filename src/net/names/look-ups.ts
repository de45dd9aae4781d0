import { Cancellation, type CancelSignal, ProxyError } from '../../core/index.ts'

/** Whether the name is an upstream's, on which all clients depend, or a target that one client requested. */
export type NameUse = 'upstream' | 'target'

/**
 * All addresses of a name. An empty list, or a rejection with anything but a ProxyError, means that it has none. The
 * signal is aborted when no caller is waiting any more.
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

/** Shares one look-up among all callers waiting for the same name. Clients' look-ups are kept apart, as they may have to queue. */
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
    // All callers may have left.
    answer.catch(() => undefined)
    const lookUp: LookUp = { answer, abandoned, waiting: 0 }
    this.#running.set(key, lookUp)
    return lookUp
  }

  /** Later calls start a new look-up. */
  #abandon(key: string, lookUp: LookUp): void {
    this.#forget(key, lookUp)
    lookUp.abandoned.abort()
  }

  #forget(key: string, lookUp: LookUp): void {
    if (this.#running.get(key) === lookUp) this.#running.delete(key)
  }
}
