import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../core/index.ts'

export interface EventStreamOptions {
  readonly clock: Clock
  /** What is sent every second while somebody listens. */
  readonly snapshot: () => unknown
  /** What a new listener is sent first. */
  readonly past: () => unknown
}

const SEND_EVERY_MS = 1_000
/** Each listener costs a snapshot's bytes a second. */
const MAX_LISTENERS = 16
/** What may wait for a listener that reads slowly before it is let go. */
const MAX_BUFFERED_BYTES = 1_048_576

/** Server-sent events (WHATWG HTML, section 9.2). Nothing is made while nobody listens. */
export class EventStream {
  readonly #options: EventStreamOptions
  readonly #listeners = new Set<ServerResponse>()
  #timer: Timer | undefined

  constructor(options: EventStreamOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#listeners.size >= MAX_LISTENERS
  }

  /** `response` has its head; it gets events until it is closed. */
  add(response: ServerResponse): void {
    this.#listeners.add(response)
    response.on('close', () => this.#remove(response))
    this.#write(response, message('history', this.#options.past()))
    this.#write(response, message('snapshot', this.#options.snapshot()))
    if (this.#timer === undefined) this.#sendLater()
  }

  /** Sends one more event to everybody. */
  send(event: string, data: unknown): void {
    if (this.#listeners.size === 0) return
    const text = message(event, data)
    for (const listener of this.#listeners) this.#write(listener, text)
  }

  /** Lets everybody go. */
  close(): void {
    for (const listener of this.#listeners) listener.end()
  }

  #sendLater(): void {
    this.#timer = this.#options.clock.setTimer(SEND_EVERY_MS, () => {
      this.send('snapshot', this.#options.snapshot())
      this.#sendLater()
    })
  }

  #write(listener: ServerResponse, text: string): void {
    if (listener.writableLength > MAX_BUFFERED_BYTES) listener.destroy()
    else listener.write(text)
  }

  #remove(listener: ServerResponse): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

/** JSON has no line ends of its own, so one data line holds it. */
function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
