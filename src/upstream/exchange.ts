import { type Clock, ProxyError, type Timer } from '../core/index.ts'
import type { BodyFraming, RawHeaders, ResponseHead } from '../http1/index.ts'

const NOTHING = Buffer.alloc(0)

export interface BodySink {
  /**
   * Bytes that are only lent come with `giveBack`: it is called when nobody needs them any more.
   * @returns false when the sink wants no more until `onDrain` calls back.
   */
  write(chunk: Buffer, giveBack?: () => void): boolean
  onDrain(resume: () => void): void
}

/** The connection below an exchange, as the exchange sees it. `resume` of one that is not paused does nothing. */
export interface ExchangeSource {
  pause(): void
  resume(): void
  destroy(error: ProxyError): void
  /** Whether the connection can carry another exchange now. */
  isReusable(): boolean
}

/** The answer to one request. Its body flows only while somebody takes it. */
export class Exchange {
  readonly head: ResponseHead
  readonly framing: BodyFraming
  readonly #source: ExchangeSource
  readonly #queue: Buffer[] = []
  #sink: BodySink | undefined
  #trailers: RawHeaders | undefined
  #error: ProxyError | undefined
  #resolve: ((trailers: RawHeaders) => void) | undefined
  #reject: ((error: ProxyError) => void) | undefined

  constructor(head: ResponseHead, framing: BodyFraming, source: ExchangeSource) {
    this.head = head
    this.framing = framing
    this.#source = source
  }

  get isReusable(): boolean {
    return this.#trailers !== undefined && this.#source.isReusable()
  }

  /** Whether there is a body, or a part of one, that nobody has asked for yet. */
  get isWaiting(): boolean {
    return this.#sink === undefined && this.#queue.length > 0 && this.#trailers === undefined
  }

  /** Whether bytes that are only lent can be delivered: they go on at once, each read as one piece. */
  get canBorrow(): boolean {
    return this.#sink !== undefined && this.framing.kind !== 'chunked'
  }

  /**
   * The body of an answer that came in one piece with its head, as short ones do. It is taken then, and the exchange is over.
   * @returns undefined when there is more to relay.
   */
  takeWhole(): Buffer | undefined {
    if (this.#trailers?.length !== 0 || this.#queue.length > 1) return undefined
    return this.#queue.pop() ?? NOTHING
  }

  /**
   * Hands the body to the sink.
   * @returns the trailers. @throws ProxyError when the body broke off; what came before was handed on.
   */
  relayTo(sink: BodySink): Promise<RawHeaders> {
    const finished = new Promise<RawHeaders>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#sink = sink
    let wantsMore = true
    for (const chunk of this.#queue.splice(0)) wantsMore = sink.write(chunk) && wantsMore
    if (this.#error !== undefined) this.#reject?.(this.#error)
    else if (this.#trailers !== undefined) this.#resolve?.(this.#trailers)
    // Also after the end: an idle connection must be read to notice that the peer closes it.
    if (wantsMore || this.#trailers !== undefined) this.#source.resume()
    else this.#resumeAfterDrain(sink)
    return finished
  }

  /**
   * Reads the body to its end and throws it away, at most `limit` bytes in `timeoutMs`: beyond that the connection
   * is closed, which is cheaper than reading on.
   * @returns whether the connection can be used again.
   */
  async drain(limit: number, timeoutMs: number, clock: Clock): Promise<boolean> {
    let left = limit
    const giveUp = (): void =>
      this.#source.destroy(
        new ProxyError('UPSTREAM_CLOSED', { detail: 'a body too long to read on' }),
      )
    const timer: Timer = clock.setTimer(timeoutMs, giveUp)
    try {
      await this.relayTo({
        write: (chunk, giveBack) => {
          left -= chunk.length
          giveBack?.()
          if (left < 0) giveUp()
          return true
        },
        onDrain: () => undefined,
      })
      return this.isReusable
    } catch {
      return false
    } finally {
      timer.cancel()
    }
  }

  /** From the connection: a piece of the body. */
  deliver(chunk: Buffer, giveBack?: () => void): void {
    if (this.#sink === undefined) {
      this.#queue.push(chunk)
    } else if (!this.#sink.write(chunk, giveBack)) {
      this.#source.pause()
      this.#resumeAfterDrain(this.#sink)
    }
  }

  /** From the connection: the body is complete. */
  finish(trailers: RawHeaders): void {
    this.#trailers = trailers
    // The last piece may have paused the connection for a sink that will not drain any more.
    if (this.#sink !== undefined) this.#source.resume()
    this.#resolve?.(trailers)
  }

  /** From the connection: the body broke off. */
  fail(error: ProxyError): void {
    if (this.#trailers !== undefined) return
    this.#error = error
    this.#reject?.(error)
  }

  /** Once the body is complete the connection is no longer this exchange's to resume. */
  #resumeAfterDrain(sink: BodySink): void {
    sink.onDrain(() => {
      if (this.#trailers === undefined) this.#source.resume()
    })
  }
}
