import type { Readable } from 'node:stream'
import { type Clock, IdleWatch, ProxyError } from '../core/index.ts'
import type { RawHeaders } from '../http1/index.ts'
import { RATE_PERIOD_MS, RateWatch } from './rate-watch.ts'

export interface UploadSink {
  /** @returns false when the sink wants no more until `onDrain` calls back. */
  write(chunk: Buffer): boolean
  onDrain(resume: () => void): void
  /** Whether other requests wait for the connection. */
  isInDemand?(): boolean
}

export interface Upload {
  /** Resolves with the trailers once the sink has taken the whole body. @throws ProxyError CLIENT_ABORTED, CLIENT_TIMEOUT. */
  readonly done: Promise<RawHeaders>
  /** Stops writing to the sink. The body may be sent again if it is replayable. */
  stop(): void
}

/** A client's request body. It is read only while an upstream takes it, never ahead. */
export interface RequestBody {
  /** Bytes, or undefined when the client sends it chunked. */
  readonly length: number | undefined
  /** Whether it can be sent from its first byte, even for a second time. */
  readonly isReplayable: boolean
  readonly bytesRead: number
  send(sink: UploadSink): Upload
}

/** Kept for a retry, in case a kept-alive session turns out to be dead. */
const KEPT_BYTES = 64 * 1024

/** Whether the body will be replayable to its end. */
export function staysReplayable({ length }: RequestBody): boolean {
  return length !== undefined && length <= KEPT_BYTES
}

export interface StreamBodyOptions {
  readonly length: number | undefined
  /** Called when the body is first wanted: the moment to answer `Expect: 100-continue`. */
  readonly onFirstRead?: () => void
  /** How long a client may send nothing while the sink wants more; 0: no limit. */
  readonly silence?: { readonly clock: Clock; readonly limitMs: number }
  /** Minimum bytes per second while other requests wait for the connection; 0: no limit. */
  readonly leastRate?: number
  readonly trailers?: () => RawHeaders
}

/** The body of one request as a stream; a short body is kept for a retry. */
export class StreamBody implements RequestBody {
  readonly length: number | undefined
  readonly #stream: Readable
  readonly #options: StreamBodyOptions
  #kept: Buffer[] | undefined = []
  #bytesRead = 0
  #wanted = false

  constructor(stream: Readable, options: StreamBodyOptions) {
    this.#stream = stream
    this.#options = options
    this.length = options.length
    // A client may disconnect between two uploads, when nothing else listens for the error.
    stream.on('error', () => undefined)
  }

  get isReplayable(): boolean {
    return this.#kept !== undefined
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  send(sink: UploadSink): Upload {
    const stream = this.#stream
    if (!this.#wanted) this.#options.onFirstRead?.()
    this.#wanted = true
    let isStopped = false
    let stop = (): void => undefined
    const done = new Promise<RawHeaders>((resolve, reject) => {
      const giveUp = (error: ProxyError): void => {
        stop()
        reject(error)
      }
      const watch = this.#watch(giveUp)
      const rate = this.#watchRate(sink, giveUp)
      const onData = (chunk: Buffer): void => {
        this.#keep(chunk)
        watch?.moved()
        rate?.moved(chunk.length)
        if (sink.write(chunk)) return
        stream.pause()
        watch?.stop()
        rate?.stop()
        sink.onDrain(() => {
          if (isStopped) return
          stream.resume()
          watch?.start()
          rate?.start()
        })
      }
      const onEnd = (): void => {
        stop()
        resolve(this.#options.trailers?.() ?? [])
      }
      const onClose = (): void => {
        stop()
        reject(
          new ProxyError('CLIENT_ABORTED', {
            detail: `after ${this.#bytesRead} bytes of the request body`,
          }),
        )
      }
      stop = () => {
        isStopped = true
        watch?.stop()
        rate?.stop()
        stream.off('data', onData).off('end', onEnd).off('close', onClose)
        stream.pause()
      }
      for (const chunk of this.#kept ?? []) sink.write(chunk)
      if (stream.readableEnded) onEnd()
      else if (stream.destroyed) onClose()
      else {
        stream.on('data', onData).on('end', onEnd).on('close', onClose).resume()
        watch?.start()
        rate?.start()
      }
    })
    return { done, stop: () => stop() }
  }

  #watch(giveUp: (error: ProxyError) => void): IdleWatch | undefined {
    const { silence } = this.#options
    if (silence === undefined) return undefined
    const { clock, limitMs } = silence
    return new IdleWatch(clock, limitMs, () =>
      giveUp(
        new ProxyError('CLIENT_TIMEOUT', {
          detail: `nothing came for ${limitMs} ms after ${this.#bytesRead} bytes of the request body`,
        }),
      ),
    )
  }

  /** Tolerates a slow client as long as no other request needs the connection. */
  #watchRate(sink: UploadSink, giveUp: (error: ProxyError) => void): RateWatch | undefined {
    const { leastRate = 0, silence } = this.#options
    if (silence === undefined || leastRate === 0) return undefined
    return new RateWatch(silence.clock, leastRate, bytes => {
      if (sink.isInDemand?.() !== true) return
      const detail = `${bytes} bytes of the request body came in ${RATE_PERIOD_MS} ms while others waited for its connection (BodyRate)`
      giveUp(new ProxyError('CLIENT_TIMEOUT', { detail }))
    })
  }

  #keep(chunk: Buffer): void {
    this.#bytesRead += chunk.length
    if (this.#bytesRead > KEPT_BYTES) this.#kept = undefined
    else this.#kept?.push(chunk)
  }
}
