import type { Duplex } from 'node:stream'
import type { CancelSignal, Clock, Emit } from '../core/index.ts'
import type { SessionOwner } from './lease.ts'

export interface PoolCounts {
  readonly idle: number
  /** Idle sessions that were preconnected and have carried no request. */
  readonly spare: number
  readonly busy: number
  readonly connecting: number
  readonly waiting: number
}

export interface AcquireOptions {
  /** Requires a new connection, because a kept one turned out to be dead. */
  readonly wantsFresh?: boolean
  /** Sessions of this owner come first. */
  readonly owner?: SessionOwner | undefined
  /** The request has no body, so it may complete a logon that was begun for a spare. */
  readonly mayEndLogon?: boolean
  /** The client's address; requests without one are not limited and have no share kept free. */
  readonly client?: string | undefined
  /** Whether another upstream would serve the request; asked when this one is found to be down. */
  readonly hasElsewhere?: (() => boolean) | undefined
}

export interface PoolOptions {
  readonly label: string
  readonly clock: Clock
  readonly emit: Emit
  readonly nextId: () => number
  readonly dial: (signal: CancelSignal) => Promise<Duplex>
  /** Maximum number of sessions; tunnels no longer count. */
  readonly maxSessions: number
  /** Maximum number of connections being dialled or authenticated. */
  readonly maxConnecting: number
  readonly idleMs: number
  /** How long a request waits for a session. */
  readonly waitMs: number
  /** Maximum number of waiting requests. */
  readonly maxWaiting: number
}
