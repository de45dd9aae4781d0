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
  hasHeader,
  isPersistent,
  lastChunk,
  type RawHeaders,
  type RequestHead,
  type ResponseHandler,
  type ResponseHead,
  ResponseParser,
  serializeRequestHead,
} from '../http1/index.ts'
import { type Borrower, borrowReads, failureBehind, wasReset } from '../net/index.ts'
import { Exchange, type ExchangeSource } from './exchange.ts'
import type { RequestBody, Upload } from './request-body.ts'

export interface SendOptions {
  /** For the response head, counted from sending the request. */
  readonly timeoutMs: number
  readonly signal: CancelSignal
  readonly onInformational?: (head: ResponseHead) => void
  /**
   * The head carries Expect: 100-continue. The body is sent after a 100, or after this long without an answer, because not all servers know
   * the expectation (RFC 9110 section 10.1.1).
   */
  readonly continueTimeoutMs?: number
  /** Called to start a watchdog when the request is sent. It is cancelled when the head arrives or the request fails. */
  readonly watch?: (() => Timer) | undefined
}

export interface DetachedStream {
  readonly stream: Duplex
  /** Bytes received beyond the response head. */
  readonly leftover: Buffer | undefined
}

/** A request that waits for its response head. */
interface Waiting {
  readonly resolve: (exchange: Exchange) => void
  readonly reject: (error: ProxyError) => void
  readonly options: SendOptions
  readonly timer: Timer
  readonly watch: Timer | undefined
  readonly abort: () => void
  /** These two are set while the body is held back. */
  sendBody?: (() => void) | undefined
  patience?: Timer | undefined
}

/** Error listener until the new owner of the stream adds one. */
const ignore = (): void => undefined

/**
 * One connection that carries one exchange at a time: a request out, an answer in. It knows HTTP, not NTLM. `onClosed` notifies its owner
 * when the connection closes, also while idle.
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
  #hasHeard = false
  #askedFor: string | undefined
  #leftover: Buffer | undefined
  #holdLimit = Infinity
  #onBodyMoved: (() => void) | undefined
  /** Set while borrowed bytes go through the parser. */
  #giveBack: (() => void) | undefined
  /** The exchanges' view of this connection. */
  readonly #source: ExchangeSource = {
    pause: () => this.#stream.pause(),
    resume: () => this.#resume(),
    destroy: error => this.#fail(error),
    isReusable: () => this.isIdle && this.#isPersistent && this.#isUploaded,
  }
  onClosed: (reason: string) => void = () => undefined
  /** Whether requests are waiting for a connection such as this. */
  isInDemand: () => boolean = () => false

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    const handler: ResponseHandler = {
      informational: head => this.#onInformational(head),
      head: (head, framing) => this.#onHead(head, framing),
      body: chunk => {
        this.#onBodyMoved?.()
        this.#exchange?.deliver(chunk, this.#giveBack)
      },
      end: trailers => this.#onEnd(trailers),
    }
    // Some servers and their scripts end lines with a bare LF; isPersistent() keeps that from harming other requests.
    this.#parser = new ResponseParser(handler, { takesBareLf: true })
    stream.on('data', this.#onData)
    borrowReads(stream, this.#onLent)
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

  /** Whether the peer has ever sent a byte. */
  get hasHeard(): boolean {
    return this.#hasHeard
  }

  /** Target of the last request sent. */
  get askedFor(): string | undefined {
    return this.#askedFor
  }

  /**
   * Sends a request and waits for its final response head.
   * @throws ProxyError UPSTREAM_CLOSED, UPSTREAM_PROTOCOL, UPSTREAM_HEADER_LIMIT, UPSTREAM_TIMEOUT, CLIENT_ABORTED, BAD_REQUEST. The
   * connection is closed then.
   */
  send(head: RequestHead, body: RequestBody | undefined, options: SendOptions): Promise<Exchange> {
    return new Promise<Exchange>((resolve, reject) => {
      if (!this.isIdle)
        throw new ProxyError('UPSTREAM_CLOSED', { detail: 'the connection was closed while idle' })
      const text = serializeRequestHead(head)
      const { timeoutMs, signal } = options
      const timer = this.#clock.setTimer(timeoutMs, () =>
        this.#fail(
          new ProxyError('UPSTREAM_TIMEOUT', { detail: `no answer within ${timeoutMs} ms` }),
        ),
      )
      const abort = (): void => this.#fail(new ProxyError('CLIENT_ABORTED'))
      const watch = options.watch?.()
      const waiting: Waiting = { resolve, reject, options, timer, watch, abort }
      this.#waiting = waiting
      this.#askedFor = head.target
      this.#parser.begin(head.method, hasHeader(head.headers, 'Upgrade'))
      if (signal.aborted) {
        abort()
        return
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#stream.write(text, 'latin1')
      if (body !== undefined) this.#sendWhenWanted(body, waiting)
    })
  }

  /**
   * For an answer whose body ends with the connection: if neither a byte nor the end comes within `ms`, there is no body and the connection
   * stays usable.
   */
  async endSilentBody(ms: number): Promise<void> {
    const exchange = this.#exchange
    if (exchange === undefined || exchange.isWaiting) return
    let timer: Timer | undefined
    const isSilent = await new Promise<boolean>(resolve => {
      timer = this.#clock.setTimer(ms, () => resolve(true))
      this.#onBodyMoved = () => resolve(false)
    })
    timer?.cancel()
    this.#onBodyMoved = undefined
    if (isSilent && this.#exchange === exchange) this.#parser.finish()
  }

  /** Turns a direct connection to the target into a tunnel without an exchange. Nothing is read until it is detached. */
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
   * Keeps reading from a tunnel that no request has taken yet, to notice when it closes. Received bytes are kept for the request that takes
   * it; reading stops at `limit` bytes.
   */
  holdTunnel(limit: number): void {
    this.#holdLimit = limit
    this.#stream.resume()
  }

  /** Hands over the stream after an answer turned it into a tunnel. */
  detach(): DetachedStream {
    this.#isDetached = true
    this.#stream.pause()
    borrowReads(this.#stream, undefined)
    // The stream may live for days and must not keep this object alive.
    this.#stream
      .on('error', ignore)
      .off('error', this.#onStreamError)
      .off('data', this.#onData)
      .off('end', this.#onPeerEnd)
      .off('close', this.#onStreamClosed)
    return { stream: this.#stream, leftover: this.#leftover }
  }

  destroy(error?: ProxyError): void {
    this.#fail(error ?? new ProxyError('UPSTREAM_CLOSED', { detail: 'closed by this proxy' }))
  }

  #sendWhenWanted(body: RequestBody, waiting: Waiting): void {
    this.#isUploaded = false
    const { continueTimeoutMs } = waiting.options
    if (continueTimeoutMs === undefined) {
      this.#send(body)
      return
    }
    const send = (): void => {
      waiting.sendBody = undefined
      waiting.patience?.cancel()
      this.#send(body)
    }
    waiting.sendBody = send
    waiting.patience = this.#clock.setTimer(continueTimeoutMs, send)
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
      isInDemand: () => this.isInDemand(),
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
    if (!this.#isDetached && this.#stream.isPaused()) this.#stream.resume()
  }

  #onInformational(head: ResponseHead): void {
    if (head.status === 100) this.#waiting?.sendBody?.()
    this.#waiting?.options.onInformational?.(head)
  }

  #endWaiting(): Waiting | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return undefined
    this.#waiting = undefined
    waiting.timer.cancel()
    waiting.patience?.cancel()
    waiting.watch?.cancel()
    waiting.options.signal.removeEventListener('abort', waiting.abort)
    return waiting
  }

  #onHead(head: ResponseHead, framing: BodyFraming): void {
    this.#isPersistent = isPersistent(head, framing)
    const exchange = new Exchange(head, framing, this.#source)
    this.#exchange = exchange
    this.#endWaiting()?.resolve(exchange)
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
    this.#hasHeard = true
    if (this.#waiting === undefined && this.#exchange === undefined) {
      this.#fail(
        new ProxyError('UPSTREAM_PROTOCOL', { detail: 'bytes came that no request asked for' }),
      )
      return
    }
    try {
      const rest = this.#parser.push(chunk)
      if (this.#exchange?.isWaiting === true) this.#stream.pause()
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

  /** Borrows bytes only if they go straight to the client in one piece; other bytes are kept for longer, or split. */
  readonly #onLent: Borrower = (bytes, giveBack) => {
    if (this.#exchange?.canBorrow !== true) return false
    this.#giveBack = giveBack
    this.#onData(bytes)
    this.#giveBack = undefined
    return true
  }

  readonly #onPeerEnd = (): void => {
    const failure = failureBehind(this.#stream)
    if (failure !== undefined) return this.#onStreamError(failure)
    try {
      // A reset would make a truncated body without a length look complete.
      if (wasReset(this.#stream)) throw broken('ECONNRESET')
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
    const code = 'code' in error ? String(error.code) : error.message
    this.#fail(broken(code, error))
  }

  #fail(error: ProxyError): void {
    if (this.#isClosed || this.#isDetached) return
    this.#isClosed = true
    this.#onBodyMoved?.()
    this.#upload?.stop()
    this.#stream.destroy()
    this.#endWaiting()?.reject(error)
    this.#exchange?.fail(error)
    this.#exchange = undefined
    this.onClosed(error.detail ?? error.code)
  }
}

function broken(code: string, cause?: Error): ProxyError {
  return new ProxyError('UPSTREAM_CLOSED', { detail: `the connection broke (${code})`, cause })
}
