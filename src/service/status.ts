import type { Served } from '../config/index.ts'
import type { ErrorCode } from '../core/index.ts'
import type { FailedRequest, Failure, RefusedConfiguration } from '../observe/index.ts'
import type { GuardStatus } from '../upstream/index.ts'
import type { ClientCounts } from './accounts.ts'
import type { UpstreamSnapshot } from './upstream-snapshot.ts'

/** Program information that the service does not have itself. */
export interface Program {
  readonly version: string
  readonly pid: number
}

/**
 * A snapshot of the running service as plain data, as shown by the control socket, metrics and pages. It holds no
 * password, no token and no query of a URL. Times are Unix times in ms; undefined values are omitted from JSON.
 */
export interface ServiceStatus extends Program {
  readonly startedAt: number
  readonly uptimeMs: number
  readonly state: ServiceState
  readonly configuration: ConfigurationStatus
  readonly listeners: ListenersStatus
  /** First those of the Proxy directives, in their order, then those that only a PAC script names. */
  readonly upstreams: readonly UpstreamStatus[]
  /** The configured account; undefined without one. */
  readonly account: AccountStatus | undefined
  readonly clientAccounts: ClientCounts
  /** Requests being served, without tunnels. */
  readonly requestsInProgress: number
  readonly tunnelsOpen: number
  /** Worker processes; empty if this process serves alone. */
  readonly workers: readonly WorkerStatus[]
  readonly totals: Totals
  /** The latest first; twenty at most. */
  readonly lastErrors: readonly FailedRequest[]
}

/** Open requests and tunnels of a worker. */
export interface WorkerStatus {
  readonly pid: number
  readonly requests: number
  readonly tunnels: number
}

/** `starting` until the ports are bound. */
export type ServiceState = 'starting' | 'serving' | 'draining'

export interface ConfigurationStatus {
  /** undefined when everything comes from the command line or the environment. */
  readonly file: string | undefined
  /** 1 at the start, plus one for each successful reload. */
  readonly generation: number
  readonly loadedAt: number
  /** A later configuration that could not be used; undefined after the next successful reload. */
  readonly refused: RefusedConfiguration | undefined
}

export interface ListenersStatus {
  readonly bound: readonly { readonly address: string; readonly serves: Served }[]
  /** What is retried until it can be bound. */
  readonly waiting: readonly { readonly address: string; readonly reason: string }[]
}

export interface UpstreamStatus extends UpstreamSnapshot {
  readonly namedBy: 'configuration' | 'pac'
  readonly lastFailure: Failure | undefined
  readonly requests: number
  readonly failures: number
  readonly limited: number
  readonly dials: Latency
  readonly handshakes: Latency
}

export interface Latency {
  readonly count: number
  readonly lastMs: number | undefined
  readonly averageMs: number | undefined
}

export interface AccountStatus extends GuardStatus {
  /** `DOMAIN\user`. */
  readonly name: string
}

/** Since the start. Requests and tunnels are counted when they end. */
export interface Totals {
  /** Including tunnels. */
  readonly requests: number
  readonly tunnels: number
  readonly routes: {
    readonly upstream: number
    readonly direct: number
    readonly none: number
  }
  readonly bytesIn: number
  readonly bytesOut: number
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>
  readonly clientsDenied: number
  readonly clientsRefused: number
  readonly clientsMalformed: number
  readonly logLinesLost: number
}
