import type { Duplex } from 'node:stream'

export interface ClientAddress {
  readonly address: string
  readonly port: number
}

export type ClientStream = Duplex & { readonly bytesRead?: number }

/** What clients of one kind of port are handed to. It does not listen. */
export interface Frontend {
  readonly requestsInProgress: number
  /** Serves a client's connection, if it may use the proxy at all. */
  accept(stream: ClientStream, client: ClientAddress): void
  /** Closes idle connections; resolves when no request and no tunnel is left. */
  drain(): Promise<void>
  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number
}
