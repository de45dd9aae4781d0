import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

type WriteDone = (error?: Error | null) => void

/** The peer takes nothing more; what it sent before may still be there. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET'])

/**
 * A socket that reads on after a write has failed. Who answers a request before its body has come, and closes the connection, causes
 * a reset; the answer lies in the kernel by then, but node destroys a socket whose write fails, and the answer with it
 * (RFC 9112 section 9.6). Here the failure is kept back until the peer's side has been read to its end.
 */
export class ReadingOnSocket extends Socket {
  #failure: Error | undefined

  /** Why nothing more could be written, although nobody was told yet. */
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

/** Why a stream that has ended did not end well: a reset whose error a write took looks like an end to whoever reads. */
export function failureBehind(stream: Duplex): Error | undefined {
  return stream instanceof ReadingOnSocket ? stream.failure : undefined
}
