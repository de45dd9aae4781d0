import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, IdleWatch } from '../core/index.ts'

/** How long a client may take to close its side of a connection that is ending. */
const LINGER_MS = 5_000

/** How long to read the rest of a request after its response: in total, and without receiving a byte. */
const REST_MS = 30_000
const REST_SILENCE_MS = 5_000

/** Ends our side and keeps reading for a while, so that a reset does not destroy the response (RFC 9112 section 9.6). */
export function endStream(stream: Duplex, clock: Clock): void {
  if (stream.destroyed) return
  stream.resume()
  stream.end()
  destroyAfter(stream, LINGER_MS, clock)
}

/**
 * Closes a connection after its last response. While the request is still arriving only our side is closed: the kernel
 * answers unread bytes with a reset, which takes the response away from the client (RFC 9112 section 9.6).
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
 * Reads and drops the rest of a request that was answered before it had arrived: a client may send all of it before it
 * looks for the response. If that takes too long the connection is closed, because nothing else can be sent on it.
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
  // Our side is already closed. Everything has been read, so closing the other side resets nothing.
  if (stream.writableEnded) endStream(stream, clock)
}

function destroyAfter(stream: Duplex, ms: number, clock: Clock): void {
  const timer = clock.setTimer(ms, () => stream.destroy())
  stream.once('close', () => timer.cancel())
}
