import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import type { Emit, UpstreamNews } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { Gate, GuardGate } from '../upstream/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import type { BuildInput } from './build-input.ts'
import type { UpstreamSnapshot } from './upstream-snapshot.ts'

/** What the processes that serve clients for this one need of it. */
export interface WorkforceHost {
  readonly emit: Emit
  /** The guard of an account that a client names. @throws ProxyError CLIENT_AUTH_REJECTED. */
  readonly gateOf: (client: BasicCredentials) => Gate
  /** One of them found out something about an upstream. */
  readonly learn: (news: UpstreamNews) => void
}

/** What one of them is doing. */
export interface WorkerSnapshot {
  readonly pid: number
  readonly upstreams: readonly UpstreamSnapshot[]
  readonly requests: number
  readonly tunnels: number
  /** Not all of it where nobody asked for it. */
  readonly work: readonly WorkInProgress[]
}

/** What becomes of a connection that was handed over: one of the two is called. */
export interface Fate {
  /** It was closed. */
  readonly onClosed: () => void
  /** The process ended before it had taken it: nothing was read, so it can be handed to another one. */
  readonly onReturned: () => void
}

/** Other processes that serve clients for this one, which keeps the ports, the guards, the log and all counts. */
export interface Workforce {
  /** How many there are meant to be. */
  readonly size: number
  /** Of all of them, as they were looked at last. */
  readonly snapshots: readonly WorkerSnapshot[]
  /** Requests and tunnels of all of them. */
  readonly inProgress: number
  /** Whether they have started. Who comes before waits for it: long tunnels would all stay where they came first. */
  readonly isUp: boolean
  /** Resolves when each of them serves, or was given up for now. */
  readonly whenUp: Promise<void>
  start(host: WorkforceHost): Promise<void>
  /** What they serve by from now on. @param guard that of the account of the configuration. */
  configure(input: BuildInput, guard: GuardGate | undefined): void
  /**
   * Hands a connection over; it must not have been read from.
   * @returns false when there is nobody: all is as before then.
   */
  hand(socket: Socket, served: Served, fate: Fate): boolean
  /** What was found out about an upstream here. */
  tell(news: UpstreamNews): void
  /** Brings the snapshots up to date; one that does not answer keeps its last. */
  look(wants: 'counts' | 'work'): Promise<void>
  /** Resolves when they have finished all requests and tunnels. */
  drain(): Promise<void>
  /** Ends all requests and tunnels now; a drain resolves then. @returns how many were cut off. */
  abort(): number
  /** Ends them, within seconds and whatever state they are in. */
  close(): Promise<void>
}
