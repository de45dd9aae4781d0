import type { ProxyEvent } from '../../src/core/index.ts'

type Type = ProxyEvent['type']
type Of<T extends Type> = Extract<ProxyEvent, { readonly type: T }>

interface Waiter {
  readonly type: Type
  readonly resolve: (event: ProxyEvent) => void
}

/** An event sink that keeps everything and lets a test wait for what is still to come. */
export class EventRecorder {
  readonly events: ProxyEvent[] = []
  #waiters: Waiter[] = []
  #taken = new Set<ProxyEvent>()

  /** To be handed to whatever emits. */
  readonly emit = (event: ProxyEvent): void => {
    this.events.push(event)
    const waiter = this.#waiters.find(({ type }) => type === event.type)
    if (waiter === undefined) return
    this.#waiters = this.#waiters.filter(other => other !== waiter)
    this.#taken.add(event)
    waiter.resolve(event)
  }

  all<T extends Type>(type: T): Of<T>[] {
    return this.events.filter((event): event is Of<T> => event.type === type)
  }

  count(type: Type): number {
    return this.all(type).length
  }

  /** The next event of this type that no earlier wait has given out, at once or when it comes. */
  waitFor<T extends Type>(type: T): Promise<Of<T>> {
    const ready = this.all(type).find(event => !this.#taken.has(event))
    if (ready !== undefined) {
      this.#taken.add(ready)
      return Promise.resolve(ready)
    }
    return new Promise(resolve => {
      const isWanted = (event: ProxyEvent): event is Of<T> => event.type === type
      this.#waiters.push({ type, resolve: event => void (isWanted(event) && resolve(event)) })
    })
  }
}
