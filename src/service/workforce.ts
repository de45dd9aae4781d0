import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import type { Emit, UpstreamNews } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { Gate, GuardGate } from '../upstream/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import type { BuildInput } from './build-input.ts'
import type { UpstreamSnapshot } from './upstream-snapshot.ts'

/** What workers need from this process. */
export interface WorkforceHost {
  readonly emit: Emit
  /** The guard of an account named by a client. @throws ProxyError CLIENT_AUTH_REJECTED. */
  readonly gateOf: (client: BasicCredentials) => Gate
  /** Called when a worker has learned something about an upstream. */
  readonly learn: (news: UpstreamNews) => void
}

/** What one worker is doing. */
export interface WorkerSnapshot {
  readonly pid: number
  readonly upstreams: readonly UpstreamSnapshot[]
  readonly requests: number
  readonly tunnels: number
  /** Complete only if it was requested. */
  readonly work: readonly WorkInProgress[]
}

/** Callbacks for a connection that was handed over: one of the two is called. */
export interface Fate {
  /** The connection was closed. */
  readonly onClosed: () => void
  /** The worker ended before it had taken the connection. Nothing was read, so it can be handed to another worker. */
  readonly onReturned: () => void
}

/** Worker processes that serve clients for this process, which keeps the ports, the guards, the log and all counts. */
export interface Workforce {
  /** The intended number of workers. */
  readonly size: number
  /** Of all workers, as of the last `look`. */
  readonly snapshots: readonly WorkerSnapshot[]
  /** Requests and tunnels of all workers. */
  readonly inProgress: number
  /** Whether the workers have started. Clients wait for that: otherwise long tunnels would all stay in the first process to serve them. */
  readonly isUp: boolean
  /** Resolves when each worker serves, or was given up for now. */
  readonly whenUp: Promise<void>
  start(host: WorkforceHost): Promise<void>
  /** Sets the configuration of the workers. @param guard that of the configured account. */
  configure(input: BuildInput, guard: GuardGate | undefined): void
  /**
   * Hands over a connection, which must not have been read from.
   * @returns false when no worker is available; nothing has changed then.
   */
  hand(socket: Socket, served: Served, fate: Fate): boolean
  /** Tells the workers what this process has learned about an upstream. */
  tell(news: UpstreamNews): void
  /** Refreshes the snapshots; a worker that does not answer keeps its last one. */
  look(wants: 'counts' | 'work'): Promise<void>
  /** Resolves when the workers have finished all requests and tunnels. */
  drain(): Promise<void>
  /** Ends all requests and tunnels now; a drain resolves then. @returns how many were cut off. */
  abort(): number
  /** Ends the workers within seconds, whatever state they are in. */
  close(): Promise<void>
}
