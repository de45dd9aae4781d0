import type { Clock } from '../core/index.ts'
import type { Interface } from '../net/index.ts'

/** Short, because a container connects moments after the bridge of its network is created; and a burst of clients shares one read. */
const VALID_MS = 100

/** The interfaces, at most a moment old, for rules that are checked on each connection. */
export class RecentInterfaces {
  readonly #read: () => readonly Interface[]
  readonly #clock: Clock
  #last: { readonly interfaces: readonly Interface[]; readonly atMs: number } | undefined

  constructor(read: () => readonly Interface[], clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  get current(): readonly Interface[] {
    const nowMs = this.#clock.now()
    if (this.#last === undefined || nowMs - this.#last.atMs >= VALID_MS)
      this.#last = { interfaces: this.#read(), atMs: nowMs }
    return this.#last.interfaces
  }
}
