import { type CancelSignal, ProxyError } from '../../core/index.ts'

/** A semaphore: callers queue for a free slot, and leave the queue when their signal is aborted. */
export class Places {
  #free: number
  readonly #line: { admit(): void }[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** @returns a function that frees the slot, once. @throws ProxyError CLIENT_ABORTED. */
  async take(signal: CancelSignal): Promise<() => void> {
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    let isTaken = true
    return () => {
      if (isTaken) this.#giveBack()
      isTaken = false
    }
  }

  #wait(signal: CancelSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(waiter), 1)
        reject(new ProxyError('CLIENT_ABORTED'))
      }
      const waiter = {
        admit: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      this.#line.push(waiter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #giveBack(): void {
    const next = this.#line.shift()
    if (next === undefined) this.#free++
    else next.admit()
  }
}
