import { type Emit, ProxyError } from '../core/index.ts'
import type { ClientAddress } from '../net/index.ts'
import type { ClientStream } from './frontend.ts'

/** How many connections of clients there may be at once; 0 is no limit. */
export interface ClientLimits {
  readonly maxClients: number
  readonly maxClientsPerAddress: number
}

/** Clients that are being told why they are not served hold a descriptor for some seconds: beyond this many they are cut off. */
const MOST_TOLD = 32

/** How long a client that is not served may take for what it has to say before it is told. */
export const REFUSED_CLIENT_MS = 5_000

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly error: ProxyError }
  /** Closed already. */
  | { readonly kind: 'dropped' }

/** The connections of clients to all ports together, and from each address. Counts go on across changes of the configuration. */
export class ClientCounts {
  readonly #byAddress = new Map<string, number>()
  #total = 0
  #told = 0

  /** Counts a connection until it closes, unless a limit is reached. */
  admit(
    stream: ClientStream,
    client: ClientAddress,
    limits: ClientLimits & { readonly emit: Emit },
  ): Admission {
    const { address, port } = client
    const reached = this.#reached(address, limits)
    if (reached === undefined) {
      stream.once('close', this.#count(address))
      return { kind: 'admitted' }
    }
    const { limit, most } = reached
    limits.emit({
      type: 'client.refused',
      client: `${address}:${port}`,
      limit,
      most,
    })
    if (!this.tells(stream)) return { kind: 'dropped' }
    const whose = limit === 'MaxClients' ? 'of all clients' : `of ${address}`
    const detail = `${most} connections ${whose} are open (${limit})`
    return { kind: 'refused', error: new ProxyError('CLIENT_LIMIT', { detail }) }
  }

  /**
   * Counts a connection, unless a limit is reached.
   * @returns what is to be called when it is closed.
   */
  hold(address: string, limits: ClientLimits): (() => void) | undefined {
    return this.#reached(address, limits) === undefined ? this.#count(address) : undefined
  }

  /** Whether there is time to tell a client why it is not served; its connection is closed otherwise. */
  tells(stream: ClientStream): boolean {
    if (this.#told >= MOST_TOLD) {
      stream.destroy()
      return false
    }
    this.#told++
    stream.once('close', () => this.#told--)
    return true
  }

  #reached(
    address: string,
    { maxClients, maxClientsPerAddress }: ClientLimits,
  ): { limit: 'MaxClients' | 'MaxClientsPerAddress'; most: number } | undefined {
    if (maxClients > 0 && this.#total >= maxClients)
      return { limit: 'MaxClients', most: maxClients }
    const ofAddress = this.#byAddress.get(address) ?? 0
    return maxClientsPerAddress > 0 && ofAddress >= maxClientsPerAddress
      ? { limit: 'MaxClientsPerAddress', most: maxClientsPerAddress }
      : undefined
  }

  #count(address: string): () => void {
    this.#total++
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    return () => {
      this.#total--
      const left = (this.#byAddress.get(address) ?? 1) - 1
      if (left > 0) this.#byAddress.set(address, left)
      else this.#byAddress.delete(address)
    }
  }
}
