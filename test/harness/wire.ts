import { Duplex } from 'node:stream'

type WriteDone = (error?: Error) => void

/**
 * One end of a connection in memory that breaks as TCP does: `end` closes one direction, `destroy` both, `resetAndDestroy`
 * fails the peer at once, and what is written to an end that is gone fails with EPIPE. Backpressure is real: a write
 * is done when the peer has room for it.
 */
export class WireEnd extends Duplex {
  /** Bytes that arrived, as net.Socket counts them. */
  bytesRead = 0
  #peer: WireEnd | undefined
  #waiting: WriteDone | undefined

  static pair(): [WireEnd, WireEnd] {
    const ends: [WireEnd, WireEnd] = [new WireEnd(), new WireEnd()]
    ends[0].#peer = ends[1]
    ends[1].#peer = ends[0]
    return ends
  }

  /** As net.Socket has it. */
  resetAndDestroy(): void {
    this.#peer?.destroy(systemError('ECONNRESET'))
    this.destroy()
  }

  override _read(): void {
    const done = this.#waiting
    this.#waiting = undefined
    if (done !== undefined) setImmediate(done)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    const peer = this.#peer
    if (peer === undefined || peer.destroyed) {
      done(systemError('EPIPE'))
      return
    }
    peer.bytesRead += chunk.length
    // A turn of the event loop a write, so that nobody is starved by two that talk without end.
    if (peer.push(chunk)) setImmediate(done)
    else peer.#waiting = done
  }

  override _final(done: WriteDone): void {
    this.#endPeer()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(systemError('EPIPE'))
    if (!this.writableFinished && this.#peer?.destroyed === false) this.#endPeer()
    done(error)
  }

  /** As with net.Socket, a stream that nobody reads ends too when it holds nothing. */
  #endPeer(): void {
    this.#peer?.push(null)
    this.#peer?.read(0)
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}
