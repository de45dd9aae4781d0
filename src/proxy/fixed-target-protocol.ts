import type { HostPort } from '../core/index.ts'
import type { StreamProtocol } from './stream-frontend.ts'

/** A Tunnel port: every connection leads to the same target, and nothing is said before. */
export function fixedTargetProtocol(target: HostPort): StreamProtocol {
  return {
    name: 'FORWARD',
    endMeansGone: false,
    readWish: async () => Promise.resolve({ target, early: Buffer.alloc(0) }),
    opened: () => undefined,
    failed: () => undefined,
  }
}
