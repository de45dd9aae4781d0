import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock, Listed, ProxyError, Timer } from '../core/index.ts'
import type { AccessRule } from '../policy/index.ts'
import type { Lease, SessionOwner } from '../upstream/index.ts'
import type { ClientPlace } from './client-counts.ts'
import type { RequestScope } from './request-scope.ts'

/** Requests of one connection that may wait for the ones before them. */
export const MOST_WAITING = 16

/** Bytes that may be read of the requests behind the one that is served: headers, and bodies that nobody takes yet. */
const MOST_UNSERVED_BYTES = 1024 * 1024

export interface ClientConnectionOptions {
  readonly stream: Duplex
  /** Address and port, for logs. */
  readonly label: string
  readonly address: string
  /** The rules that let it in. */
  readonly acl: readonly AccessRule[]
  readonly clock: Clock
  /** How long a request header may take to arrive. */
  readonly headerTimeoutMs: number
  /** How long it is kept without a request. */
  readonly idleMs: number
  /** What the client is told whatever it asks for. */
  readonly refusal?: ProxyError
  readonly bytesRead: () => number
  readonly onHeaderTimeout: () => void
  /** It sends more ahead than is kept for it. */
  readonly onFlood: (detail: string) => void
  /** Told when it begins and when it ceases to be kept open without a request. */
  readonly place?: ClientPlace | undefined
}

/**
 * How long a client that has ended its side waits for the head of an answer. It may still read, but most that do have gone, and
 * nothing else tells: after its FIN there is nothing to be read, and nothing is written.
 */
const GONE_AFTER_MS = 30_000

interface Waiting {
  readonly handler: () => Promise<void>
  /** What had been read from the connection when the request was there. */
  readonly bytesRead: number
}

/**
 * A client's connection. Pipelined requests are served one after the other (RFC 9112 section 9.3.2): a second one may
 * depend on what the first one changed. How many wait is limited by cutting the connection: node:http resumes a paused
 * socket after each message, so a client that sends on and on would fill the memory.
 */
export class ClientConnection implements Listed, SessionOwner {
  place = -1
  readonly stream: Duplex
  readonly label: string
  readonly address: string
  /** The rules that it was measured by last. */
  acl: readonly AccessRule[]
  readonly #options: ClientConnectionOptions
  readonly #queue: Waiting[] = []
  readonly #closers: (() => void)[] = []
  readonly #logonTargets = new Set<string>()
  #isBusy = false
  #isDraining = false
  #timer: Timer | undefined
  #goneTimer: Timer | undefined
  #refusal: ProxyError | undefined
  /** The request that came last, whose body may still be on its way. */
  lastRequest: IncomingMessage | undefined
  /** Why nothing more can be read from it: what came is no HTTP. */
  failure: ProxyError | undefined
  /** Called when it fails within the body of the request that is being served. */
  onBadBody: (() => void) | undefined
  /** Called when the client has ended its side, again and again; to be cleared when the answer is there. */
  onGone: (() => void) | undefined

  constructor(options: ClientConnectionOptions) {
    this.stream = options.stream
    this.label = options.label
    this.address = options.address
    this.acl = options.acl
    this.#options = options
    this.#refusal = options.refusal
    this.stream.once('end', () => this.#awaitGone())
    this.#awaitRequest()
  }

  get refusal(): ProxyError | undefined {
    return this.#refusal
  }

  /** From now on the client is told this, whatever it asks for. */
  refuse(error: ProxyError): void {
    this.#refusal = error
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Whether nothing more can be answered on it. */
  get isOver(): boolean {
    return this.stream.destroyed || this.stream.writableEnded
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Whether it fails within the body of this request. */
  failsIn(request: IncomingMessage): boolean {
    return this.failure !== undefined && this.lastRequest === request && !request.complete
  }

  /** Gives a request of this connection up, for the connection's failure or because the client is gone. */
  abort(scope: RequestScope): void {
    if (this.failure !== undefined) scope.fail(this.failure)
    scope.abort()
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
    if (this.isOver) return
    this.#timer?.cancel()
    if (this.#isBusy) {
      this.#enqueue(handler)
      return
    }
    this.#options.place?.busy()
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
    this.#goneTimer?.cancel()
    this.#queue.length = 0
    for (const close of this.#closers.splice(0)) close()
  }

  #awaitGone(): void {
    this.#goneTimer = this.#options.clock.setTimer(GONE_AFTER_MS, () => {
      this.onGone?.()
      const isWaiting = this.onGone !== undefined || this.#queue.length > 0
      if (isWaiting && !this.stream.destroyed) this.#awaitGone()
    })
  }

  /** The handler is not awaited: it would be kept, and its request with it, for as long as a tunnel lasts. */
  #run(handler: () => Promise<void>): void {
    void handler().then(() => this.#goOn())
  }

  #goOn(): void {
    const next = this.#queue.shift()
    const { stream } = this
    if (next !== undefined && !this.isOver && !this.#isDraining) {
      this.#run(next.handler)
      return
    }
    this.#isBusy = false
    if (this.#isDraining) stream.end()
    if (this.isOver) return
    this.#awaitRequest()
    this.#options.place?.idle(() => stream.destroy())
  }

  /** What is read ahead is counted at the socket: nothing else sees every byte. */
  #enqueue(handler: () => Promise<void>): void {
    const bytesRead = this.#options.bytesRead()
    this.#queue.push({ handler, bytesRead })
    const unserved = bytesRead - (this.#queue[0]?.bytesRead ?? bytesRead)
    if (this.#queue.length > MOST_WAITING) {
      this.#options.onFlood(`more than ${MOST_WAITING} requests wait behind the one being served`)
    } else if (unserved > MOST_UNSERVED_BYTES) {
      this.#options.onFlood(
        `more than ${MOST_UNSERVED_BYTES} bytes of requests wait behind the one being served`,
      )
    }
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
