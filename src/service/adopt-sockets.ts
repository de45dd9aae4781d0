import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import { type Emit, formatHostPort } from '../core/index.ts'
import { listen, type Listener } from '../net/index.ts'
import { type InheritedSocket, servedOn } from './inherited-sockets.ts'

/** Accepts on the sockets that were inherited. One that cannot be used is reported and left out, like an address that cannot be bound. */
export async function adoptSockets(
  sockets: readonly InheritedSocket[],
  acceptorFor: (serves: Served) => (socket: Socket) => void,
  emit: Emit,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  for (const inherited of sockets) {
    try {
      const listener = await listen(inherited, acceptorFor(servedOn(inherited)))
      listeners.push(listener)
      emit({ type: 'listener.bound', address: formatHostPort(listener.address) })
    } catch (error) {
      emit({
        type: 'listener.failed',
        address: `inherited socket ${inherited.name} (descriptor ${inherited.fd})`,
        reason: error instanceof Error ? error.message : String(error),
      })
    }
  }
  return listeners
}
