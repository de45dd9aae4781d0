import { type Emit, formatHostPort, ProxyError } from '../core/index.ts'
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
  | { readonly kind: 'admitted'; readonly place: ClientPlace }
  | { readonly kind: 'refused'; readonly error: ProxyError }
  /** Closed already. */
  | { readonly kind: 'dropped' }

interface Reached {
  readonly limit: 'MaxClients' | 'MaxClientsPerAddress'
  readonly most: number
}

/** Neighbours in the list of connections that are kept open without a request. */
interface Link {
  previous: Link
  next: Link
}

/**
 * One connection among those that are counted. While it is kept open without a request it stands in a list, the one
 * that is idle for longest first: linked by hand, because every request takes its connection out and puts it back.
 */
export class ClientPlace implements Link {
  previous: Link = this
  next: Link = this
  readonly address: string
  readonly #idlest: Link
  readonly #onLeave: () => void
  #close: () => void = () => undefined
  #hasLeft = false

  constructor(address: string, idlest: Link, onLeave: () => void) {
    this.address = address
    this.#idlest = idlest
    this.#onLeave = onLeave
  }

  /** It has been served, and may be closed when its place is needed. */
  idle(close: () => void): void {
    this.busy()
    if (this.#hasLeft) return
    this.#close = close
    const { previous } = this.#idlest
    previous.next = this
    this.previous = previous
    this.next = this.#idlest
    this.#idlest.previous = this
  }

  /** It has a request again. */
  busy(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }

  /** The connection is closed: it counts no more. */
  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.busy()
    this.#onLeave()
  }

  /** Closes the connection, which is idle, for another one. */
  giveUp(): void {
    this.leave()
    this.#close()
  }
}

/**
 * The connections of clients to all ports together, and from each address. Counts go on across changes of the configuration. At a
 * limit a connection that is only kept open makes room: its client opens another one when it needs it.
 */
export class ClientCounts {
  readonly #byAddress = new Map<string, number>()
  /** Ends of the list of idle connections. */
  readonly #idlest: Link = ring()
  #total = 0
  #told = 0

  /** Counts a connection until it closes, unless a limit is reached. */
  admit(
    stream: ClientStream,
    client: ClientAddress,
    limits: ClientLimits & { readonly emit: Emit },
  ): Admission {
    const { address, port } = client
    const reached = this.#reachedAfterAll(address, limits)
    if (reached === undefined) {
      const place = new ClientPlace(address, this.#idlest, this.#count(address))
      stream.once('close', () => place.leave())
      return { kind: 'admitted', place }
    }
    const { limit, most } = reached
    limits.emit({
      type: 'client.refused',
      client: formatHostPort({ host: address, port }),
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

  /** @returns what is reached though idle connections were closed. */
  #reachedAfterAll(address: string, limits: ClientLimits): Reached | undefined {
    for (;;) {
      const reached = this.#reached(address, limits)
      if (reached === undefined) return undefined
      const idle = this.#idleOf(reached.limit === 'MaxClients' ? undefined : address)
      if (idle === undefined) return reached
      idle.giveUp()
    }
  }

  /** The connection that is idle for longest, of this address or of any. */
  #idleOf(address: string | undefined): ClientPlace | undefined {
    for (let at = this.#idlest.next; at instanceof ClientPlace; at = at.next) {
      if (address === undefined || at.address === address) return at
    }
    return undefined
  }

  #reached(
    address: string,
    { maxClients, maxClientsPerAddress }: ClientLimits,
  ): Reached | undefined {
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

function ring(): Link {
  const link: { previous?: Link; next?: Link } = {}
  link.previous = link.next = link as Link
  return link as Link
}
