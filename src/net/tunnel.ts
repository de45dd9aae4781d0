import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, IdleWatch, type Listed, type Timer } from '../core/index.ts'
import { discard } from './discard.ts'
import { borrowReads } from './lending-socket.ts'
import { breakOff, destroyIfReset } from './reset.ts'

export type TunnelEnd = 'closed' | 'client-error' | 'upstream-error' | 'idle' | 'shutdown'

export interface TunnelResult {
  readonly end: TunnelEnd
  readonly bytesFromClient: number
  readonly bytesFromUpstream: number
}

export interface TunnelOptions {
  readonly clock: Clock
  /** Ends the tunnel after this long without traffic. 0: never. */
  readonly idleMs: number
}

/** How long to wait for a side that does not read once the other side is gone. */
const LINGER_MS = 60_000

/**
 * Relays two streams until both directions have ended. The end of one direction is passed on as a half-close and a
 * reset as a reset, because after an end partial data would pass for complete. Backpressure applies in both directions,
 * and data that one side sent before it broke still reaches the other. Both streams must allow half-open operation.
 */
export class Tunnel implements Listed {
  place = -1
  readonly done: Promise<TunnelResult>
  readonly #client: Duplex
  readonly #upstream: Duplex
  #bytesFromClient = 0
  #bytesFromUpstream = 0
  #end: TunnelEnd = 'closed'
  #open = 2
  readonly #idle: IdleWatch
  #lingerTimer: Timer | undefined
  #resolve!: (result: TunnelResult) => void

  constructor(client: Duplex, upstream: Duplex, { clock, idleMs }: TunnelOptions) {
    this.#client = client
    this.#upstream = upstream
    this.#idle = new IdleWatch(clock, idleMs, () => this.destroy('idle'))
    this.done = new Promise(resolve => (this.#resolve = resolve))
    this.#idle.start()
    this.#relay(client, upstream, size => (this.#bytesFromClient += size), 'client-error', clock)
    this.#relay(
      upstream,
      client,
      size => (this.#bytesFromUpstream += size),
      'upstream-error',
      clock,
    )
  }

  get bytesFromClient(): number {
    return this.#bytesFromClient
  }

  get bytesFromUpstream(): number {
    return this.#bytesFromUpstream
  }

  /** Time of the last traffic, by the monotonic clock. */
  get lastMovedAt(): number {
    return this.#idle.lastMovedAt
  }

  /** Resets both sides now. */
  destroy(end: TunnelEnd): void {
    this.#blame(end)
    breakOff(this.#client)
    breakOff(this.#upstream)
  }

  #relay(
    from: Duplex,
    to: Duplex,
    count: (size: number) => void,
    blame: TunnelEnd,
    clock: Clock,
  ): void {
    let hasAnsweredEnd = false
    const pass = (chunk: Buffer, giveBack?: () => void): void => {
      hasAnsweredEnd ||= to.readableEnded
      count(chunk.length)
      this.#idle.moved()
      const wantsMore = to.write(chunk, giveBack)
      // Usually the system has already taken all of it.
      if (to.writableLength === 0) giveBack?.()
      else if (!wantsMore) from.pause()
    }
    // A socket's read buffer belongs to the reader alone, and a socket keeps no reference to what it has written.
    const discards = from instanceof Socket && to instanceof Socket
    from.on('data', (chunk: Buffer) => pass(chunk, discards ? () => discard(chunk) : undefined))
    borrowReads(from, (bytes, giveBack) => {
      pass(bytes, giveBack)
      return true
    })
    to.on('drain', () => from.resume())
    /** Whether `from` has ended normally, so that nothing is missing. */
    let isComplete = false
    const onEnd = (): void => {
      if (destroyIfReset(from)) return
      isComplete = true
      to.end()
    }
    from.on('error', () => {
      // Some peers reset the connection when the other side has ended and they have nothing more to send, and some
      // clients when they have received everything (all they send then is the TLS closure alert). Both are harmless.
      const hasAll = blame === 'client-error' && from.writableFinished
      const isHarmless = to.readableEnded && (!hasAnsweredEnd || isComplete || hasAll)
      if (!isHarmless) this.#blame(blame)
    })
    // The client may have half-closed while the tunnel was being opened.
    if (from.readableEnded) onEnd()
    else from.on('end', onEnd)
    const onClose = (): void => {
      if (!isComplete) this.#breakOffSoon(to, clock)
      else if (!from.writableFinished) this.#closeSoon(to, clock)
      if (--this.#open === 0) this.#finish()
    }
    if (from.closed) {
      onClose()
      return
    }
    from.on('close', onClose)
    from.resume()
  }

  /** Closes a stream that has no recipient any more, once its pending data is written. */
  #closeSoon(stream: Duplex, clock: Clock): void {
    stream.end(() => stream.destroy())
    this.#lingerFor(stream, clock)
  }

  /** Resets a stream once it has taken its pending data. */
  #breakOffSoon(stream: Duplex, clock: Clock): void {
    if (stream.destroyed) return
    if (stream.writableEnded || stream.writableLength === 0) return breakOff(stream)
    stream.write('', () => breakOff(stream))
    this.#lingerFor(stream, clock)
  }

  #lingerFor(stream: Duplex, clock: Clock): void {
    this.#lingerTimer ??= clock.setTimer(LINGER_MS, () => breakOff(stream))
  }

  #blame(end: TunnelEnd): void {
    if (this.#end === 'closed') this.#end = end
  }

  #finish(): void {
    this.#idle.stop()
    this.#lingerTimer?.cancel()
    this.#resolve({
      end: this.#end,
      bytesFromClient: this.#bytesFromClient,
      bytesFromUpstream: this.#bytesFromUpstream,
    })
  }
}
