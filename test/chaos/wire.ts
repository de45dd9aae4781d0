import type { Socket } from 'node:net'

/** How the other side ended its direction. `unclear`: both sides had ended, and the kernel no longer tells a reset from an end. */
export type Ending = 'fin' | 'reset' | 'unclear'

/** Unread bytes at which reading stops, so that the sender feels a reader that stalls. */
const MOST_HELD = 64 * 1024

/** One end of a connection, read in the pieces that are asked for. */
export class Wire {
  readonly socket: Socket
  readonly #below: Socket
  #held: Buffer = Buffer.alloc(0)
  #ending: Ending | undefined
  #wake: () => void = () => undefined

  /** @param below the TCP connection that carries it, of TLS. */
  constructor(socket: Socket, below = socket) {
    this.socket = socket
    this.#below = below
    below.setNoDelay(true)
    socket.on('data', this.#onData)
    socket.on('end', () => this.#end(endingOf(socket)))
    socket.on('error', () => this.#end('reset'))
    socket.on('close', () => this.#end('reset'))
  }

  /** Undefined as long as the other side goes on. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  /** What has arrived, `most` bytes of it; waits for a first one. Undefined when the other side has ended. */
  async some(most = Infinity): Promise<Buffer | undefined> {
    while (this.#held.length === 0) if (!(await this.#arrival())) return undefined
    return this.#take(Math.min(most, this.#held.length))
  }

  /** Everything up to and including the mark, as latin1. Undefined when the end comes before. */
  async until(mark: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#held.indexOf(mark, 0, 'latin1')
      if (at >= 0) return this.#take(at + mark.length).toString('latin1')
      if (!(await this.#arrival())) return undefined
    }
  }

  /** Exactly so many bytes. */
  async exactly(length: number): Promise<Buffer | undefined> {
    while (this.#held.length < length) if (!(await this.#arrival())) return undefined
    return this.#take(length)
  }

  /** Reads to the end and gives how it came. */
  async drain(): Promise<Ending> {
    while ((await this.some()) !== undefined);
    return this.#ending ?? 'unclear'
  }

  /** Waits until the bytes are taken. @returns false when the connection is gone. */
  async write(bytes: string | Buffer): Promise<boolean> {
    if (!this.socket.writable) return false
    return new Promise(resolve => {
      const gone = (): void => resolve(false)
      this.socket.once('close', gone)
      this.socket.write(bytes, error => {
        this.socket.off('close', gone)
        resolve(!(error instanceof Error))
      })
    })
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    if (!this.#below.destroyed) this.#below.resetAndDestroy()
    this.socket.destroy()
  }

  /** Gives the connection to another reader, for TLS, with what has arrived. */
  release(): Socket {
    this.socket.off('data', this.#onData).pause()
    if (this.#held.length > 0) this.socket.unshift(this.#held)
    return this.socket
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#held.length > MOST_HELD) this.socket.pause()
    this.#wake()
  }

  #take(length: number): Buffer {
    const taken = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length)
    if (this.#held.length <= MOST_HELD) this.socket.resume()
    return taken
  }

  async #arrival(): Promise<boolean> {
    if (this.#ending !== undefined) return false
    this.socket.resume()
    await new Promise<void>(resolve => (this.#wake = resolve))
    return true
  }

  #end(ending: Ending): void {
    this.#ending ??= ending
    this.#wake()
  }
}

/**
 * A reset that comes together with data is an 'end' for libuv. The kernel knows the peer of a connection whose peer alone has
 * ended, and of a reset one no longer. Nobody may ask for remoteAddress before, because node keeps the answer.
 */
function endingOf(socket: Socket): Ending {
  if (socket.remoteAddress !== undefined) return 'fin'
  return socket.writableEnded ? 'unclear' : 'reset'
}
