import { type Emit, formatHostPort, ProxyError } from '../core/index.ts'
import type { ClientAddress } from '../net/index.ts'
import type { ClientStream } from './frontend.ts'

/** Limits on concurrent client connections; 0 is no limit. */
export interface ClientLimits {
  readonly maxClients: number
  readonly maxClientsPerAddress: number
}

/** Refused clients hold a descriptor for some seconds while they are sent the reason. Beyond this many they are cut off. */
const MOST_TOLD = 32

/** How long a refused client may take to send its request before it is sent the refusal. */
export const REFUSED_CLIENT_MS = 5_000

export type Admission =
  | { readonly kind: 'admitted'; readonly place: ClientPlace }
  | { readonly kind: 'refused'; readonly error: ProxyError }
  /** Already closed. */
  | { readonly kind: 'dropped' }

interface Reached {
  readonly limit: 'MaxClients' | 'MaxClientsPerAddress'
  readonly most: number
}

/** Links in the list of idle connections. */
interface Link {
  previous: Link
  next: Link
}

/**
 * One counted connection. While idle it is in a list, longest idle first. The list is linked by hand, because every
 * request removes its connection and puts it back.
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

  /** The connection is idle, and may be closed when its slot is needed. */
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

  /** The connection has a request again. */
  busy(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }

  /** The connection is closed and no longer counts. */
  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.busy()
    this.#onLeave()
  }

  /** Closes this idle connection to make room for another. */
  giveUp(): void {
    this.leave()
    this.#close()
  }
}

/**
 * Counts the client connections to all ports, in total and per address. Counts survive changes of the configuration. At
 * a limit an idle connection is closed to make room; its client can open another when it needs one.
 */
export class ClientCounts {
  readonly #byAddress = new Map<string, number>()
  /** Head and tail of the list of idle connections. */
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
   * @returns a function to call when it is closed.
   */
  hold(address: string, limits: ClientLimits): (() => void) | undefined {
    return this.#reached(address, limits) === undefined ? this.#count(address) : undefined
  }

  /** Whether a refused client can be sent the reason; otherwise closes its connection. */
  tells(stream: ClientStream): boolean {
    if (this.#told >= MOST_TOLD) {
      stream.destroy()
      return false
    }
    this.#told++
    stream.once('close', () => this.#told--)
    return true
  }

  /** @returns the limit that is still reached after closing idle connections. */
  #reachedAfterAll(address: string, limits: ClientLimits): Reached | undefined {
    for (;;) {
      const reached = this.#reached(address, limits)
      if (reached === undefined) return undefined
      const idle = this.#idleOf(reached.limit === 'MaxClients' ? undefined : address)
      if (idle === undefined) return reached
      idle.giveUp()
    }
  }

  /** The longest idle connection, of this address or of any. */
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
