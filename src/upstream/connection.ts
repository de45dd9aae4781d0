import type { Duplex } from 'node:stream'
import {
  type CancelSignal,
  type Clock,
  ProxyError,
  type Timer,
  toProxyError,
} from '../core/index.ts'
import {
  type BodyFraming,
  chunkHeader,
  isPersistent,
  lastChunk,
  type RawHeaders,
  type RequestHead,
  type ResponseHead,
  ResponseParser,
  serializeRequestHead,
} from '../http1/index.ts'
import { Exchange } from './exchange.ts'
import type { RequestBody, Upload } from './request-body.ts'

export interface SendOptions {
  /** For the head of the answer, counted from the sending. */
  readonly timeoutMs: number
  readonly signal: CancelSignal
  readonly onInformational?: (head: ResponseHead) => void
  /**
   * The head asks with Expect: 100-continue whether the body is wanted: it is sent after a 100, or after this long without an
   * answer, because not everybody knows the question (RFC 9110 section 10.1.1).
   */
  readonly continueTimeoutMs?: number
}

export interface DetachedStream {
  readonly stream: Duplex
  /** What the upstream had already sent beyond its head. */
  readonly leftover: Buffer | undefined
}

interface Waiting {
  resolve(exchange: Exchange): void
  reject(error: ProxyError): void
  onInformational: (head: ResponseHead) => void
}

/**
 * One connection that carries one exchange after the other: a request out, an answer in. It knows HTTP, not NTLM.
 * Whoever owns it is told through `onClosed` when it is gone, also while idle.
 */
export class UpstreamConnection {
  readonly #stream: Duplex
  readonly #clock: Clock
  readonly #parser: ResponseParser
  #waiting: Waiting | undefined
  #exchange: Exchange | undefined
  #upload: Upload | undefined
  #isUploaded = true
  #isPersistent = true
  #isClosed = false
  #isDetached = false
  #leftover: Buffer | undefined
  #holdLimit = Infinity
  onClosed: (reason: string) => void = () => undefined

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    this.#parser = new ResponseParser({
      informational: head => this.#waiting?.onInformational(head),
      head: (head, framing) => this.#onHead(head, framing),
      body: chunk => this.#exchange?.deliver(chunk),
      end: trailers => this.#onEnd(trailers),
    })
    stream.on('data', this.#onData)
    stream.on('end', this.#onPeerEnd)
    stream.on('close', this.#onStreamClosed)
    stream.on('error', this.#onStreamError)
  }

  get isIdle(): boolean {
    return (
      !this.#isClosed &&
      !this.#isDetached &&
      this.#exchange === undefined &&
      this.#waiting === undefined
    )
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * Sends a request and waits for the head of its final answer.
   * @throws ProxyError UPSTREAM_CLOSED, UPSTREAM_PROTOCOL, UPSTREAM_HEADER_LIMIT, UPSTREAM_TIMEOUT, CLIENT_ABORTED,
   * BAD_REQUEST. The connection is closed then.
   */
  async send(
    head: RequestHead,
    body: RequestBody | undefined,
    options: SendOptions,
  ): Promise<Exchange> {
    const { timeoutMs, signal, continueTimeoutMs } = options
    if (!this.isIdle)
      throw new ProxyError('UPSTREAM_CLOSED', { detail: 'the connection was closed while idle' })
    const text = serializeRequestHead(head)
    const timer = this.#clock.setTimer(timeoutMs, () =>
      this.#fail(
        new ProxyError('UPSTREAM_TIMEOUT', { detail: `no answer within ${timeoutMs} ms` }),
      ),
    )
    let patience: Timer | undefined
    const abort = (): void => this.#fail(new ProxyError('CLIENT_ABORTED'))
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await new Promise<Exchange>((resolve, reject) => {
        let sendBody = (): void => undefined
        const onInformational = (head: ResponseHead): void => {
          if (head.status === 100) sendBody()
          options.onInformational?.(head)
        }
        this.#waiting = { resolve, reject, onInformational }
        this.#parser.begin(head.method)
        if (signal.aborted) {
          abort()
          return
        }
        this.#stream.write(text, 'latin1')
        if (body === undefined) return
        this.#isUploaded = false
        sendBody = () => {
          sendBody = () => undefined
          this.#send(body)
        }
        if (continueTimeoutMs === undefined) sendBody()
        else patience = this.#clock.setTimer(continueTimeoutMs, () => sendBody())
      })
    } finally {
      timer.cancel()
      patience?.cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  /** The connection leads to the target itself: it is a tunnel without anything being said. Nothing is read until it is detached. */
  becomeTunnel(): Exchange {
    this.#stream.pause()
    const ignored = { pause: () => undefined, resume: () => undefined, isReusable: () => false }
    const head = { version: '1.1', status: 200, reason: '', headers: [] } as const
    return new Exchange(
      head,
      { kind: 'tunnel' },
      { ...ignored, destroy: error => this.#fail(error) },
    )
  }

  /**
   * Reads on in a tunnel that nobody has taken yet, so that its end is noticed. What comes is kept for whoever takes it; from
   * `limit` bytes on no more is read.
   */
  holdTunnel(limit: number): void {
    this.#holdLimit = limit
    this.#stream.resume()
  }

  /** Gives the stream away after an answer that turned it into a tunnel. */
  detach(): DetachedStream {
    this.#isDetached = true
    this.#stream.pause()
    this.#stream
      .off('data', this.#onData)
      .off('end', this.#onPeerEnd)
      .off('close', this.#onStreamClosed)
    return { stream: this.#stream, leftover: this.#leftover }
  }

  destroy(error?: ProxyError): void {
    this.#fail(error ?? new ProxyError('UPSTREAM_CLOSED', { detail: 'closed by this proxy' }))
  }

  #send(body: RequestBody): void {
    const stream = this.#stream
    const isChunked = body.length === undefined
    const upload = body.send({
      write: chunk => {
        if (!isChunked) return stream.write(chunk)
        stream.cork()
        stream.write(chunkHeader(chunk.length), 'latin1')
        stream.write(chunk)
        const wantsMore = stream.write('\r\n', 'latin1')
        stream.uncork()
        return wantsMore
      },
      onDrain: resume => stream.once('drain', resume),
    })
    this.#upload = upload
    upload.done.then(
      trailers => {
        if (isChunked && !this.#isClosed) stream.write(lastChunk(trailers), 'latin1')
        this.#isUploaded = true
      },
      (error: unknown) => this.#fail(toProxyError(error)),
    )
  }

  #resume(): void {
    if (!this.#isDetached) this.#stream.resume()
  }

  #onHead(head: ResponseHead, framing: BodyFraming): void {
    this.#isPersistent = isPersistent(head, framing)
    const exchange = new Exchange(head, framing, {
      pause: () => this.#stream.pause(),
      resume: () => this.#resume(),
      destroy: error => this.#fail(error),
      isReusable: () => this.isIdle && this.#isPersistent && this.#isUploaded,
    })
    this.#exchange = exchange
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(exchange)
  }

  #onEnd(trailers: RawHeaders): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    // A tunnel's stream is about to be detached: nothing may be read from it until then.
    if (exchange.framing.kind === 'tunnel') this.#stream.pause()
    else this.#exchange = undefined
    if (!this.#isUploaded) this.#upload?.stop()
    exchange.finish(trailers)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#waiting === undefined && this.#exchange === undefined) {
      this.#fail(
        new ProxyError('UPSTREAM_PROTOCOL', { detail: 'bytes came that no request asked for' }),
      )
      return
    }
    try {
      const rest = this.#parser.push(chunk)
      if (rest === undefined || rest.length === 0) return
      if (this.#exchange?.framing.kind === 'tunnel') {
        this.#leftover = this.#leftover === undefined ? rest : Buffer.concat([this.#leftover, rest])
        if (this.#leftover.length >= this.#holdLimit) this.#stream.pause()
      } else {
        this.#isPersistent = false
      }
    } catch (error) {
      this.#fail(toProxyError(error))
    }
  }

  readonly #onPeerEnd = (): void => {
    try {
      if (this.#waiting !== undefined || this.#exchange !== undefined) this.#parser.finish()
      this.#fail(new ProxyError('UPSTREAM_CLOSED', { detail: 'closed by the peer' }))
    } catch (error) {
      this.#fail(toProxyError(error))
    }
  }

  readonly #onStreamClosed = (): void => {
    this.#fail(new ProxyError('UPSTREAM_CLOSED', { detail: 'closed by the peer' }))
  }

  readonly #onStreamError = (error: Error): void => {
    if (this.#isDetached) return
    const code = 'code' in error ? String(error.code) : error.message
    this.#fail(
      new ProxyError('UPSTREAM_CLOSED', { detail: `the connection broke (${code})`, cause: error }),
    )
  }

  #fail(error: ProxyError): void {
    if (this.#isClosed || this.#isDetached) return
    this.#isClosed = true
    this.#upload?.stop()
    this.#stream.destroy()
    this.#waiting?.reject(error)
    this.#waiting = undefined
    this.#exchange?.fail(error)
    this.#exchange = undefined
    this.onClosed(error.detail ?? error.code)
  }
}
