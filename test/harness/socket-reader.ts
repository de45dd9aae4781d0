import type { Duplex } from 'node:stream'
import { wasReset } from '../../src/net/index.ts'

/**
 * Reads a connection in the pieces a test asks for. Bytes that were not asked for stay here, so nothing is lost between
 * two reads. A read that the peer's end or a reset makes impossible is rejected with what had come so far.
 */
export class SocketReader {
  readonly #socket: Duplex
  #buffer: Buffer = Buffer.alloc(0)
  #ended = false
  #failure: Error | undefined
  #wake: () => void = () => {}

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onEnd)
    // It may have been paused by the reader before.
    socket.resume()
  }

  /** All bytes up to and including `mark`. */
  async readUntil(mark: string): Promise<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(mark, 0, 'latin1')
      if (at >= 0) return this.#take(at + Buffer.byteLength(mark, 'latin1'))
      await this.#more(`no ${JSON.stringify(mark)}`)
    }
  }

  async readBytes(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) {
      await this.#more(`${this.#buffer.length} of ${length} bytes`)
    }
    return this.#take(length)
  }

  /** Everything until the peer ends its side; a reset is no end. */
  async readToEnd(): Promise<Buffer> {
    while (!this.#ended) await this.#arrival()
    if (this.#failure !== undefined) await this.#more('no end')
    return this.#take(this.#buffer.length)
  }

  /** Waits for the end of the connection, whatever bytes still come; tells how it came. */
  async closed(): Promise<'end' | 'reset'> {
    while (!this.#ended) await this.#arrival()
    return this.#failure === undefined ? 'end' : 'reset'
  }

  /** Gives the socket back, paused, with what was read beyond the last piece. */
  detach(): Buffer {
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('close', this.#onEnd)
    this.#socket.pause()
    return this.#take(this.#buffer.length)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    this.#wake()
  }

  readonly #onEnd = (): void => {
    if (!this.#ended && wasReset(this.#socket)) this.#failure = new Error('ECONNRESET')
    this.#ended = true
    this.#wake()
  }

  readonly #onError = (error: Error): void => {
    this.#failure = error
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }

  async #more(missing: string): Promise<void> {
    if (this.#ended) {
      const seen = JSON.stringify(this.#buffer.toString('latin1').slice(0, 200))
      const how = this.#failure === undefined ? 'ended' : `failed (${this.#failure.message})`
      throw new Error(`The connection ${how} with ${missing}, after ${seen}`)
    }
    await this.#arrival()
  }

  #arrival(): Promise<void> {
    return new Promise(resolve => (this.#wake = resolve))
  }
}
