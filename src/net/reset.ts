import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ReadingOnSocket } from './reading-on-socket.ts'

const PROBE = Buffer.allocUnsafeSlow(1)

const PLAIN: ReadonlySet<unknown> = new Set([Socket, ReadingOnSocket])

/**
 * Whether a stream that has just ended was actually reset by its peer. When the last bytes and the reset arrive
 * together, libuv reads the bytes, takes the hang-up for the end (uv__stream_io in src/unix/stream.c) and never sees
 * the error, so node emits 'end'. The error is still pending on the descriptor: one more read fails with it, whereas
 * after a FIN it finds the end again. The peer's address tells the two apart only until our own side has ended.
 */
export function wasReset(stream: Duplex): boolean {
  const fd = descriptorOf(stream)
  if (fd === undefined) return false
  try {
    return readSync(fd, PROBE) > 0
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'EAGAIN')
  }
}

/**
 * Destroys a stream that has just ended if its peer reset it, with the error that libuv missed.
 * @returns whether it was reset.
 */
export function destroyIfReset(stream: Duplex): boolean {
  if (!stream.destroyed && !wasReset(stream)) return false
  stream.destroy(Object.assign(new Error('reset by the peer'), { code: 'ECONNRESET' }))
  return true
}

/** Plain sockets only: in TLS the end of the stream is not the end of the connection, and in-memory streams have no descriptor. */
function descriptorOf(stream: Duplex): number | undefined {
  if (!(stream instanceof Socket) || !PLAIN.has(stream.constructor)) return undefined
  const handle: unknown = Reflect.get(stream, '_handle')
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}

/** Resets a connection, so that its peer cannot mistake partial data for all of it. */
export function breakOff(stream: { destroy(): unknown; resetAndDestroy?: () => unknown }): void {
  if (stream.resetAndDestroy === undefined) stream.destroy()
  else stream.resetAndDestroy()
}
