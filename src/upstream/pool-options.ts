import type { Duplex } from 'node:stream'
import type { CancelSignal, Clock, Emit } from '../core/index.ts'
import type { SessionOwner } from './lease.ts'

export interface PoolCounts {
  readonly idle: number
  /** Those of the idle ones that were made ahead and have carried no request. */
  readonly spare: number
  readonly busy: number
  readonly connecting: number
  readonly waiting: number
}

export interface AcquireOptions {
  /** A new connection, where a kept one turned out to be dead. */
  readonly wantsFresh?: boolean
  /** Its own sessions come first. */
  readonly owner?: SessionOwner | undefined
  /** It may end a logon that was begun for a spare: it has no body. */
  readonly mayEndLogon?: boolean
  /** The address of the client that it is for; requests without one are not counted and have no share kept free. */
  readonly client?: string | undefined
  /** Whether another upstream would serve it, asked when this one was found to be down. */
  readonly hasElsewhere?: (() => boolean) | undefined
}

export interface PoolOptions {
  readonly label: string
  readonly clock: Clock
  readonly emit: Emit
  readonly nextId: () => number
  readonly dial: (signal: CancelSignal) => Promise<Duplex>
  /** Sessions at once; a tunnel's connection does not count any more. */
  readonly maxSessions: number
  /** Connections that are being made or authenticated at once. */
  readonly maxConnecting: number
  readonly idleMs: number
  /** How long a request waits for a session. */
  readonly waitMs: number
  /** How many may wait. */
  readonly maxWaiting: number
}
