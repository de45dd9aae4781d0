import type { HostPort } from '../core/index.ts'
import type { StreamProtocol } from './stream-frontend.ts'

/** A Tunnel port: every connection goes to the same target, without a handshake. */
export function fixedTargetProtocol(target: HostPort): StreamProtocol {
  return {
    name: 'FORWARD',
    endMeansGone: false,
    readWish: async () => Promise.resolve({ target, early: Buffer.alloc(0) }),
    opened: () => undefined,
    failed: () => undefined,
  }
}
