import type { Served } from '../config/index.ts'
import type { ErrorCode } from '../core/index.ts'
import type { FailedRequest, Failure, RefusedConfiguration } from '../observe/index.ts'
import type { GuardStatus } from '../upstream/index.ts'
import type { ClientCounts } from './accounts.ts'
import type { UpstreamSnapshot } from './upstream-snapshot.ts'

/** What the program is, as far as the service cannot know it by itself. */
export interface Program {
  readonly version: string
  readonly pid: number
}

/**
 * The running service at one moment, as plain data: what the control socket, metrics and pages show. It holds no password, no
 * token and no query of a URL. Times are Unix times in ms; what is undefined is left out of JSON.
 */
export interface ServiceStatus extends Program {
  readonly startedAt: number
  readonly uptimeMs: number
  readonly state: ServiceState
  readonly configuration: ConfigurationStatus
  readonly listeners: ListenersStatus
  /** Those of the Proxy lines in their order, then those that only a Pac script names. */
  readonly upstreams: readonly UpstreamStatus[]
  /** The account of the configuration; undefined without one. */
  readonly account: AccountStatus | undefined
  readonly clientAccounts: ClientCounts
  /** Requests that are being answered, without tunnels. */
  readonly requestsInProgress: number
  readonly tunnelsOpen: number
  /** The other processes that serve; none where this one alone does. */
  readonly workers: readonly WorkerStatus[]
  readonly totals: Totals
  /** The youngest first; twenty at most. */
  readonly lastErrors: readonly FailedRequest[]
}

/** What is open in it. */
export interface WorkerStatus {
  readonly pid: number
  readonly requests: number
  readonly tunnels: number
}

/** `starting` until the ports are bound. */
export type ServiceState = 'starting' | 'serving' | 'draining'

export interface ConfigurationStatus {
  /** undefined when the command line or the environment says everything. */
  readonly file: string | undefined
  /** 1 at the start, one more with each reload that was taken over. */
  readonly generation: number
  readonly loadedAt: number
  /** A later configuration that could not be used; undefined once one was taken over since. */
  readonly refused: RefusedConfiguration | undefined
}

export interface ListenersStatus {
  readonly bound: readonly { readonly address: string; readonly serves: Served }[]
  /** What is tried again until it can be bound. */
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

/** Since the start; requests and tunnels count when they end. */
export interface Totals {
  /** Tunnels among them. */
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
