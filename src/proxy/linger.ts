import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, IdleWatch } from '../core/index.ts'

/** How long a client may take to close its side of a connection that ends. */
const LINGER_MS = 5_000

/** How long the rest of a request is read after its answer: at most, and without a byte of it. */
const REST_MS = 30_000
const REST_SILENCE_MS = 5_000

/**
 * Ends our side and reads what the client still sends, so that the answer is not lost in a reset (RFC 9112 section
 * 9.6), for a while.
 */
export function endStream(stream: Duplex, clock: Clock): void {
  if (stream.destroyed) return
  stream.resume()
  stream.end()
  destroyAfter(stream, LINGER_MS, clock)
}

/**
 * Closes a connection whose last answer was written. While the request still arrives our side alone is closed: the kernel answers
 * bytes that nobody reads with a reset, and that takes the answer away from the client (RFC 9112 section 9.6).
 */
export function closeBehindAnswer(
  stream: Duplex,
  request: IncomingMessage | undefined,
  clock: Clock,
): void {
  stream.end()
  if (request?.complete === false) return destroyAfter(stream, REST_MS, clock)
  if (stream.writableFinished) stream.destroy()
  else stream.once('finish', () => stream.destroy())
}

/**
 * Reads and drops the rest of a request that was answered before it had arrived: a client may send all of it before it looks for
 * the answer. Where the rest takes too long the connection is closed, for nothing else can be said on it.
 */
export async function readRest(
  request: IncomingMessage,
  stream: Duplex,
  clock: Clock,
): Promise<void> {
  if (request.complete || stream.destroyed) return
  const giveUp = (): void => void stream.destroy()
  const watch = new IdleWatch(clock, REST_SILENCE_MS, giveUp)
  const timer = clock.setTimer(REST_MS, giveUp)
  const onData = (): void => watch.moved()
  watch.start()
  await new Promise<void>(resolve => {
    stream.once('close', resolve)
    request.once('end', resolve).on('data', onData).resume()
  })
  request.off('data', onData)
  watch.stop()
  timer.cancel()
  // Our side was closed behind the answer: all was read, so closing the rest resets nothing.
  if (stream.writableEnded) endStream(stream, clock)
}

function destroyAfter(stream: Duplex, ms: number, clock: Clock): void {
  const timer = clock.setTimer(ms, () => stream.destroy())
  stream.once('close', () => timer.cancel())
}
