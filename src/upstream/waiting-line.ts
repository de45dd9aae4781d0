export interface InLine {
  /** Address of the client that the waiter belongs to. */
  readonly client: string
}

interface Queue<T> {
  readonly client: string
  readonly waiting: T[]
}

/**
 * A checkout queue that serves clients in turn: however many requests one client has queued, the next turn is another client's. The
 * requests of one client are served in order of arrival.
 */
export class WaitingLine<T extends InLine> {
  /** The next client in turn comes first. There are few, so an array is cheaper than a map that each request changes. */
  readonly #queues: Queue<T>[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(one: T): void {
    const queue = this.#queues.find(({ client }) => client === one.client)
    if (queue === undefined) this.#queues.push({ client: one.client, waiting: [one] })
    else queue.waiting.push(one)
    this.#size++
  }

  /** The first in turn that fits. It stays in the queue. */
  find(fits: (one: T) => boolean): T | undefined {
    for (const { waiting } of this.#queues) {
      const found = waiting.find(fits)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Removes a waiter that is served: its client's next turn comes after those of all others. */
  serve(one: T): void {
    const at = this.#queueOf(one)
    if (!this.remove(one) || this.#queues[at]?.client !== one.client) return
    this.#queues.push(...this.#queues.splice(at, 1))
  }

  /** Removes a waiter. @returns whether it was in the queue. */
  remove(one: T): boolean {
    const at = this.#queueOf(one)
    const waiting = this.#queues[at]?.waiting ?? []
    const place = waiting.indexOf(one)
    if (place < 0) return false
    waiting.splice(place, 1)
    if (waiting.length === 0) this.#queues.splice(at, 1)
    this.#size--
    return true
  }

  /** The newest waiter of the client with the most waiters; on a tie, of the given client. */
  excessAfter({ client }: T): T | undefined {
    let busiest = this.#queues.find(queue => queue.client === client)
    for (const queue of this.#queues) {
      if (queue.waiting.length > (busiest?.waiting.length ?? 0)) busiest = queue
    }
    return busiest?.waiting.at(-1)
  }

  /** @returns a copy of all waiters. */
  list(): T[] {
    return this.#queues.flatMap(({ waiting }) => waiting)
  }

  #queueOf({ client }: T): number {
    return this.#queues.findIndex(queue => queue.client === client)
  }
}
