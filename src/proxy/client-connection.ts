import type { Duplex } from 'node:stream'
import type { Clock, Listed, ProxyError, Timer } from '../core/index.ts'
import type { Lease, SessionOwner } from '../upstream/index.ts'

/** Requests of one connection that may wait for the ones before them; reading stops beyond it. */
const PIPELINE_LIMIT = 16

export interface ClientConnectionOptions {
  readonly stream: Duplex
  /** Address and port, for logs. */
  readonly label: string
  readonly address: string
  readonly clock: Clock
  /** How long a request header may take to arrive. */
  readonly headerTimeoutMs: number
  /** How long it is kept without a request. */
  readonly idleMs: number
  /** What the client is told whatever it asks for. */
  readonly refusal?: ProxyError
  readonly bytesRead: () => number
  readonly onHeaderTimeout: () => void
}

/**
 * A client's connection. Pipelined requests are served one after the other (RFC 9112 section 9.3.2): a second one may
 * depend on what the first one changed.
 */
export class ClientConnection implements Listed, SessionOwner {
  place = -1
  readonly stream: Duplex
  readonly label: string
  readonly address: string
  readonly #options: ClientConnectionOptions
  readonly #queue: (() => Promise<void>)[] = []
  readonly #closers: (() => void)[] = []
  readonly #logonTargets = new Set<string>()
  #isBusy = false
  #isDraining = false
  #timer: Timer | undefined

  constructor(options: ClientConnectionOptions) {
    this.stream = options.stream
    this.label = options.label
    this.address = options.address
    this.#options = options
    this.#awaitRequest()
  }

  get refusal(): ProxyError | undefined {
    return this.#options.refusal
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Whether there are sessions that serve this client alone. */
  get ownsSessions(): boolean {
    return this.#closers.length > 0
  }

  /** From now on the session, and what it leads to, are this client's own: it logs on there itself. */
  takeOver(lease: Lease, target: string): void {
    this.#logonTargets.add(target)
    lease.bindTo(this)
  }

  logsOnItselfAt(target: string): boolean {
    return this.#logonTargets.has(target)
  }

  whenClosed(action: () => void): void {
    if (this.stream.destroyed) action()
    else this.#closers.push(action)
  }

  /** Runs the handler when all earlier ones are done. The handler never throws. */
  serve(handler: () => Promise<void>): void {
    this.#timer?.cancel()
    if (this.#isBusy) {
      this.#queue.push(handler)
      if (this.#queue.length >= PIPELINE_LIMIT) this.stream.pause()
      return
    }
    this.#isBusy = true
    this.#run(handler)
  }

  /** Closed now if idle, else after the request that is being served. */
  drain(): void {
    this.#isDraining = true
    if (!this.#isBusy) this.stream.destroy()
  }

  closed(): void {
    this.#timer?.cancel()
    this.#queue.length = 0
    for (const close of this.#closers.splice(0)) close()
  }

  /** The handler is not awaited: it would be kept, and its request with it, for as long as a tunnel lasts. */
  #run(handler: () => Promise<void>): void {
    void handler().then(() => this.#goOn())
  }

  #goOn(): void {
    const next = this.#queue.shift()
    if (next !== undefined && !this.stream.destroyed && !this.#isDraining) {
      if (this.#queue.length < PIPELINE_LIMIT / 2) this.stream.resume()
      this.#run(next)
      return
    }
    this.#isBusy = false
    if (this.#isDraining) this.stream.end()
    if (!this.stream.destroyed) this.#awaitRequest()
  }

  /**
   * A header that trickles in is cut off; silence between requests is what keep-alive is for. One that begins late in a
   * period has the next one too.
   */
  #awaitRequest(sinceMs = 0, isArriving = false): void {
    const { bytesRead, clock, headerTimeoutMs, idleMs, onHeaderTimeout, stream } = this.#options
    const before = bytesRead()
    const waitMs = isArriving ? headerTimeoutMs : Math.min(headerTimeoutMs, idleMs - sinceMs)
    this.#timer = clock.setTimer(waitMs, () => {
      const silentMs = sinceMs + waitMs
      if (isArriving) onHeaderTimeout()
      else if (bytesRead() > before) this.#awaitRequest(0, true)
      else if (silentMs >= idleMs) stream.destroy()
      else this.#awaitRequest(silentMs)
    })
  }
}
