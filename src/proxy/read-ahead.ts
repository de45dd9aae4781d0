import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../core/index.ts'

/** How much is read from a client before its tunnel is open; more stays in the kernel. */
const MOST_BYTES = 64 * 1024

/** How long a half-closed client is still served: some keep reading, but most are gone. */
const GONE_AFTER_MS = 3_000

export interface ReadAheadOptions {
  readonly clock: Clock
  /** The client half-closed, and its grace period has passed. */
  readonly onGone: () => void
}

/**
 * Reads from a client that is waiting for its tunnel. What it sends ahead is kept for the target. Above all, reading
 * detects its end: a client that gave up (`curl -m 1`, Ctrl-C, the end of a job) sends nothing but a FIN.
 */
export class ReadAhead {
  readonly #stream: Duplex
  readonly #options: ReadAheadOptions
  readonly #pieces: Buffer[]
  #length: number
  #timer: Timer | undefined

  constructor(stream: Duplex, early: Buffer, options: ReadAheadOptions) {
    this.#stream = stream
    this.#options = options
    this.#pieces = early.length > 0 ? [early] : []
    this.#length = early.length
    if (stream.readableEnded) this.#onEnd()
    else stream.on('end', this.#onEnd).on('data', this.#onData).resume()
  }

  /** Stops reading. @returns what was read. */
  take(): Buffer {
    this.#timer?.cancel()
    this.#stream.off('end', this.#onEnd).off('data', this.#onData).pause()
    const pieces = this.#pieces.splice(0)
    return pieces[0] !== undefined && pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  }

  readonly #onData = (piece: Buffer): void => {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length >= MOST_BYTES) this.#stream.pause()
  }

  readonly #onEnd = (): void => {
    this.#timer = this.#options.clock.setTimer(GONE_AFTER_MS, this.#options.onGone)
  }
}
