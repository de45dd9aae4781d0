import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, IdleWatch, type Listed, type Timer } from '../core/index.ts'
import { discard } from './discard.ts'
import { borrowReads } from './lending-socket.ts'

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
 * Relays two streams until both directions have ended. An end of one direction is passed on as such (half-close), a
 * slow reader slows the other side down, and what one side sent before it broke still reaches the other.
 * Both streams must allow half-open operation.
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
    this.#relay(client, upstream, size => (this.#bytesFromClient += size), 'client-error', clock)
    this.#relay(
      upstream,
      client,
      size => (this.#bytesFromUpstream += size),
      'upstream-error',
      clock,
    )
    this.#idle.start()
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

  /** Ends both sides now. */
  destroy(end: TunnelEnd): void {
    this.#blame(end)
    this.#client.destroy()
    this.#upstream.destroy()
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
    // A client may have ended its side while the way was opened.
    if (from.readableEnded) to.end()
    else from.on('end', () => to.end())
    // Some reset the connection when the other side has ended and they have nothing more to say: that harms nobody.
    from.on('error', () => {
      if (!to.readableEnded || hasAnsweredEnd) this.#blame(blame)
    })
    const onClose = (): void => {
      // Not both directions ended: the peer is gone. What it sent before is flushed, then the other side is closed too.
      if (!from.readableEnded || !from.writableFinished) this.#closeSoon(to, clock)
      if (--this.#open === 0) this.#finish()
    }
    if (from.closed) {
      onClose()
      return
    }
    from.on('close', onClose)
    from.resume()
  }

  #closeSoon(stream: Duplex, clock: Clock): void {
    stream.end(() => stream.destroy())
    this.#lingerTimer ??= clock.setTimer(LINGER_MS, () => stream.destroy())
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
