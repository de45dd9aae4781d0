import type { Duplex } from 'node:stream'
import { type CancelSignal, ProxyError } from '../core/index.ts'
import { Rep, replyBytes, replyCodeFor, SocksHandshake, type SocksUsers } from '../socks5/index.ts'
import type { StreamProtocol, Wish } from './stream-frontend.ts'

/** SOCKS5 (RFC 1928) as spoken on a SOCKS5Proxy port. @param users returns the current users of the port. */
export function socksProtocol(users: () => SocksUsers): StreamProtocol {
  return {
    name: 'SOCKS',
    endMeansGone: true,
    readWish: async (stream, signal) =>
      readTarget(stream, new SocksHandshake({ users: users() }), signal),
    opened: stream => void stream.write(replyBytes(Rep.SUCCEEDED)),
    failed: (stream, error) => {
      if (!stream.destroyed) stream.write(replyBytes(replyCodeFor(error.code)))
    },
  }
}

async function readTarget(
  stream: Duplex,
  handshake: SocksHandshake,
  signal: CancelSignal,
): Promise<Wish> {
  let cleanUp = (): void => undefined
  try {
    return await new Promise<Wish>((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        for (const step of handshake.push(chunk)) {
          if (step.kind === 'send') stream.write(step.bytes)
          if (step.kind === 'connect') resolve({ target: step.target, early: step.leftover })
          if (step.kind === 'failed') {
            stream.write(step.reply)
            reject(new ProxyError('BAD_REQUEST', { detail: step.reason }))
          }
          if (step.kind !== 'send') stream.pause().off('data', onData)
        }
      }
      const onGone = (): void => reject(new ProxyError('CLIENT_ABORTED'))
      const onLate = (): void =>
        reject(new ProxyError('CLIENT_TIMEOUT', { detail: 'the SOCKS handshake takes too long' }))
      signal.addEventListener('abort', onLate, { once: true })
      stream.on('data', onData).once('end', onGone).once('close', onGone)
      cleanUp = () => {
        signal.removeEventListener('abort', onLate)
        stream.off('data', onData).off('end', onGone).off('close', onGone)
      }
    })
  } finally {
    cleanUp()
  }
}
