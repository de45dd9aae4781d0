import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

type WriteDone = (error?: Error | null) => void

/** The peer accepts no more data, but what it sent before may still be readable. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET'])

/**
 * A socket that keeps reading after a write has failed. A server that answers a request before the body has arrived,
 * then closes the connection, causes a reset. Its response is in the kernel by then, but node destroys a socket whose
 * write fails, and the response with it (RFC 9112 section 9.6). Here the failure is held back until the peer's data has
 * been read to the end.
 */
export class ReadingOnSocket extends Socket {
  #failure: Error | undefined

  /** The write failure that is being held back, if any. */
  get failure(): Error | undefined {
    return this.#failure
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: WriteDone): void {
    super._write(chunk, encoding, error => this.#written(error, done))
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: WriteDone): void {
    super._writev?.(chunks, error => this.#written(error, done))
  }

  #written(error: Error | null | undefined, done: WriteDone): void {
    const isRefused = error instanceof Error && 'code' in error && REFUSALS.has(error.code)
    if (!isRefused || this.destroyed || this.readableEnded) return done(error)
    this.#failure = error
    this.once('end', () => done(error))
  }
}

/** The failure behind a stream that seems to have ended normally: a reset whose error a write consumed looks like an end to readers. */
export function failureBehind(stream: Duplex): Error | undefined {
  return stream instanceof ReadingOnSocket ? stream.failure : undefined
}
