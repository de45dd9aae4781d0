import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import type { ClientAddress } from '../net/index.ts'
import { checkAccess } from '../policy/index.ts'
import type { ClientCounts, Frontend, ProxyDependencies } from '../proxy/index.ts'
import type { Workforce } from './workforce.ts'

/** Takes the connections of a listener. */
export interface Reception {
  accept(socket: Socket, client: ClientAddress): void
}

export interface HandingOptions {
  readonly served: Served
  readonly current: () => Pick<ProxyDependencies, 'acl' | 'maxClients' | 'maxClientsPerAddress'>
  readonly clients: Pick<ClientCounts, 'hold'>
  readonly workforce: Pick<Workforce, 'isUp' | 'whenUp' | 'hand'>
  /** Serves clients in this process. */
  readonly here: Pick<Frontend, 'accept'>
}

/** Hands clients to worker processes. Clients to be refused are handled in this process, as are all clients if no worker is available. */
export class HandingFrontend implements Reception {
  readonly #options: HandingOptions

  constructor(options: HandingOptions) {
    this.#options = options
  }

  accept(socket: Socket, client: ClientAddress): void {
    const { clients, current, here, served, workforce } = this.#options
    if (!workforce.isUp) return void workforce.whenUp.then(() => this.accept(socket, client))
    const deps = current()
    const isAllowed = checkAccess(deps.acl, client.address).allowed
    const release = isAllowed ? clients.hold(client.address, deps) : undefined
    if (release !== undefined) {
      const onReturned = (): void => {
        release()
        this.accept(socket, client)
      }
      if (workforce.hand(socket, served, { onClosed: release, onReturned })) return
      release()
    }
    here.accept(socket, client)
    socket.resume()
  }
}
