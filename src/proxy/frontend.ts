import type { Duplex } from 'node:stream'
import type { ClientAddress } from '../net/index.ts'

export type ClientStream = Duplex & {
  readonly bytesRead?: number
  /** Ends the connection when all is written. */
  destroySoon?: () => void
}

/** A request that is being served, or the tunnel that came of it. */
export interface WorkInProgress {
  readonly id: string
  readonly kind: 'request' | 'tunnel'
  /** The client's address and port. */
  readonly client: string
  readonly method: string
  /** As in the access record: without query and user information. */
  readonly target: string
  /** The way of the last attempt; undefined before the first. */
  readonly route: 'upstream' | 'direct' | undefined
  readonly upstream: string | undefined
  /** Unix times in ms. A tunnel alone knows when a byte moved last. */
  readonly startedAt: number
  readonly lastMovedAt: number | undefined
  /** From and to the client, so far; of a request's body it is known when it was read whole. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What clients of one kind of port are handed to. It does not listen. */
export interface Frontend {
  readonly requestsInProgress: number
  readonly workInProgress: readonly WorkInProgress[]
  /** Serves a client's connection, if it may use the proxy at all. */
  accept(stream: ClientStream, client: ClientAddress): void
  /** Closes idle connections; resolves when no request and no tunnel is left. */
  drain(): Promise<void>
  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number
}
