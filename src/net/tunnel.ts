import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, IdleWatch, type Listed, type Timer } from '../core/index.ts'
import { discard } from './discard.ts'
import { borrowReads } from './lending-socket.ts'
import { breakOff, wasReset } from './reset.ts'

export type TunnelEnd = 'closed' | 'client-error' | 'upstream-error' | 'idle' | 'shutdown'

export interface TunnelResult {
  readonly end: TunnelEnd
  readonly bytesFromClient: number
  readonly bytesFromUpstream: number
}

export interface TunnelOptions {
  readonly clock: Clock
  /** Ends the tunnel when no byte moved for this long. 0: never. */
  readonly idleMs: number
}

/** How long a side that does not read is waited for once the other side is gone. */
const LINGER_MS = 60_000

/**
 * Relays two streams until both directions have ended. An end of one direction is passed on as such (half-close), a reset as a
 * reset, because after an end what came would pass for everything. A slow reader slows the other side down, and what one side
 * sent before it broke still reaches the other. Both streams must allow half-open operation.
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

  /** When a byte moved last, by the monotonic clock. */
  get lastMovedAt(): number {
    return this.#idle.lastMovedAt
  }

  /** Breaks both sides off now. */
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
      // As a rule the system has taken all of it.
      if (to.writableLength === 0) giveBack?.()
      else if (!wantsMore) from.pause()
    }
    // What a socket has read is the reader's alone, and what a socket has written is kept by nobody.
    const discards = from instanceof Socket && to instanceof Socket
    from.on('data', (chunk: Buffer) => pass(chunk, discards ? () => discard(chunk) : undefined))
    borrowReads(from, (bytes, giveBack) => {
      pass(bytes, giveBack)
      return true
    })
    to.on('drain', () => from.resume())
    /** Whether it has ended, so that nothing is missing of what it had to say. */
    let isComplete = false
    const onEnd = (): void => {
      if (wasReset(from)) return void from.destroy(new Error('reset by the peer'))
      isComplete = true
      to.end()
    }
    from.on('error', () => {
      // Some reset the connection when the other side has ended and they have nothing more to say, or a client when it has
      // been given everything (what it sends then is the farewell of TLS): that harms nobody.
      const hasAll = blame === 'client-error' && from.writableFinished
      const isHarmless = to.readableEnded && (!hasAnsweredEnd || isComplete || hasAll)
      if (!isHarmless) this.#blame(blame)
    })
    // A client may have ended its side while the way was opened.
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

  /** Nobody takes what it sends any more. */
  #closeSoon(stream: Duplex, clock: Clock): void {
    stream.end(() => stream.destroy())
    this.#lingerFor(stream, clock)
  }

  /** When it has taken what came before. */
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
