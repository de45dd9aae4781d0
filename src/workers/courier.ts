import { type Clock, isUpstreamNews, type ProxyEvent, type Timer } from '../core/index.ts'
import type { FromWorker } from './messages.ts'

/** How long events are batched: a message per request would cost as much as the request. */
const GATHER_MS = 20

export interface CourierOptions {
  readonly clock: Clock
  readonly post: (message: FromWorker) => void
  /** Open requests and tunnels. */
  readonly inProgress: () => number
}

/** Reports the events of a worker to the process that keeps the log and all counts. */
export class Courier {
  readonly #options: CourierOptions
  #events: ProxyEvent[] = []
  #closed: number[] = []
  #timer: Timer | undefined

  constructor(options: CourierOptions) {
    this.#options = options
  }

  emit(event: ProxyEvent): void {
    this.#events.push(event.type === 'bug' ? bugReport(event.error) : event)
    if (isUpstreamNews(event) || event.type === 'bug') this.flush()
    else this.#reportSoon()
  }

  /** A client's connection was closed. */
  closed(client: number): void {
    this.#closed.push(client)
    this.#reportSoon()
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const [events, closed] = [this.#events, this.#closed]
    this.#events = []
    this.#closed = []
    this.#options.post({ type: 'report', events, closed, inProgress: this.#options.inProgress() })
  }

  #reportSoon(): void {
    this.#timer ??= this.#options.clock.setTimer(GATHER_MS, () => this.flush())
  }
}

/** JSON would omit the fields of an Error. */
export function bugReport(thrown: unknown): ProxyEvent {
  if (!(thrown instanceof Error)) return { type: 'bug', error: { message: String(thrown) } }
  const { message, name, stack } = thrown
  return { type: 'bug', error: { name, message, stack } }
}
