import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock, Listed, ProxyError, Timer } from '../core/index.ts'
import { destroyIfReset } from '../net/index.ts'
import type { AccessRule } from '../policy/index.ts'
import type { Lease, SessionOwner } from '../upstream/index.ts'
import type { ClientPlace } from './client-counts.ts'
import type { RequestScope } from './request-scope.ts'

/** Pipelined requests that may wait behind the one being served. */
export const MOST_WAITING = 16

/** Bytes that may be read of the requests behind the one being served: headers, and bodies not consumed yet. */
const MOST_UNSERVED_BYTES = 1024 * 1024

export interface ClientConnectionOptions {
  readonly stream: Duplex
  /** Address and port, for logs. */
  readonly label: string
  readonly address: string
  /** The rules that admitted it. */
  readonly acl: readonly AccessRule[]
  readonly clock: Clock
  /** How long a request header may take to arrive. */
  readonly headerTimeoutMs: number
  /** How long the connection is kept without a request. */
  readonly idleMs: number
  /** Sent in response to every request. */
  readonly refusal?: ProxyError
  readonly bytesRead: () => number
  readonly onHeaderTimeout: () => void
  /** Called when the client sends more ahead than is kept for it. */
  readonly onFlood: (detail: string) => void
  /** Notified when the connection becomes idle and when it becomes busy. */
  readonly place?: ClientPlace | undefined
}

/**
 * How long a half-closed client waits for a response head. It may still be reading, but most such clients are gone, and
 * nothing else shows it: after the FIN there is nothing to read, and nothing is being written.
 */
const GONE_AFTER_MS = 30_000

interface Waiting {
  readonly handler: () => Promise<void>
  /** Bytes read from the connection when the request arrived. */
  readonly bytesRead: number
}

/**
 * A client's connection. Pipelined requests are served one after the other (RFC 9112 section 9.3.2), because a later
 * one may depend on what an earlier one changed. The queue is limited by closing the connection: node:http resumes a
 * paused socket after each message, so a client that keeps sending would fill the memory.
 */
export class ClientConnection implements Listed, SessionOwner {
  place = -1
  readonly stream: Duplex
  readonly label: string
  readonly address: string
  /** The rules it was last checked against. */
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
  /** The latest request, whose body may still be arriving. */
  lastRequest: IncomingMessage | undefined
  /** Why nothing more can be read, for example because the input is not HTTP. */
  failure: ProxyError | undefined
  /** Called when the connection fails within the body of the request being served. */
  onBadBody: (() => void) | undefined
  /** Called repeatedly once the client has half-closed. To be cleared when the response head is there. */
  onGone: (() => void) | undefined

  constructor(options: ClientConnectionOptions) {
    this.stream = options.stream
    this.label = options.label
    this.address = options.address
    this.acl = options.acl
    this.#options = options
    this.#refusal = options.refusal
    this.stream.once('end', () => {
      if (!destroyIfReset(this.stream)) this.#awaitGone()
    })
    this.#awaitRequest()
  }

  get refusal(): ProxyError | undefined {
    return this.#refusal
  }

  /** Answers every further request with this error. */
  refuse(error: ProxyError): void {
    this.#refusal = error
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Whether no further response can be sent. */
  get isOver(): boolean {
    return this.stream.destroyed || this.stream.writableEnded
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Whether the connection failed within the body of this request. */
  failsIn(request: IncomingMessage): boolean {
    return this.failure !== undefined && this.lastRequest === request && !request.complete
  }

  /** Aborts a request of this connection, because the connection failed or the client is gone. */
  abort(scope: RequestScope): void {
    if (this.failure !== undefined) scope.fail(this.failure)
    scope.abort()
  }

  /** Whether any sessions serve this client alone. */
  get ownsSessions(): boolean {
    return this.#closers.length > 0
  }

  /** Binds the session and its target to this client, which logs on there itself. */
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

  /** Runs the handler once all earlier ones are done. The handler never throws. */
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

  /** Closes the connection: now if it is idle, otherwise after the request being served. */
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

  /** Not awaited: that would keep the handler and its request in memory for as long as a tunnel lasts. */
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

  /** Read-ahead is counted at the socket: nothing else sees every byte. */
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
   * Cuts off a header that arrives too slowly; silence between requests is what keep-alive is for. A header that starts
   * late in a period gets one more full period.
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
