import type { Duplex } from 'node:stream'
import type { ClientAddress } from '../net/index.ts'

export type ClientStream = Duplex & {
  readonly bytesRead?: number
  /** Ends the connection once everything is written. */
  destroySoon?: () => void
}

/** A request being served, or the tunnel that it opened. */
export interface WorkInProgress {
  readonly id: string
  readonly kind: 'request' | 'tunnel'
  /** The client's address and port. */
  readonly client: string
  readonly method: string
  /** As in the access record: without query and user information. */
  readonly target: string
  /** The route of the last attempt; undefined before the first. */
  readonly route: 'upstream' | 'direct' | undefined
  readonly upstream: string | undefined
  /** Unix times in ms. `lastMovedAt` is known for tunnels only. */
  readonly startedAt: number
  readonly lastMovedAt: number | undefined
  /** Bytes from and to the client so far. A request body counts once it has been read completely. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Serves the clients of one kind of port. It does not listen itself. */
export interface Frontend {
  readonly requestsInProgress: number
  readonly workInProgress: readonly WorkInProgress[]
  /** Serves a client's connection, if the client may use the proxy at all. */
  accept(stream: ClientStream, client: ClientAddress): void
  /** Closes idle connections; resolves when no request and no tunnel is left. */
  drain(): Promise<void>
  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number
}
