/**
 * What the page, metrics and readiness read of the state of the service, as it stands in /status.json. Times are Unix times in
 * milliseconds. The service gives more than this.
 */
export interface StatusView {
  readonly version: string
  readonly pid: number
  readonly startedAt: number
  readonly uptimeMs: number
  readonly state: 'starting' | 'serving' | 'draining'
  readonly configuration: ConfigurationView
  readonly listeners: ListenersView
  readonly upstreams: readonly UpstreamView[]
  readonly account: AccountView | undefined
  readonly requestsInProgress: number
  readonly tunnelsOpen: number
  readonly totals: TotalsView
  readonly lastErrors: readonly FailureView[]
}

export interface ConfigurationView {
  readonly file: string | undefined
  readonly generation: number
  readonly loadedAt: number
  readonly refused: { readonly at: number; readonly problems: readonly string[] } | undefined
}

export interface ListenersView {
  readonly bound: readonly {
    readonly address: string
    readonly serves: {
      readonly kind: 'http' | 'socks5' | 'tunnel'
      readonly target?: { readonly host: string; readonly port: number }
    }
  }[]
  readonly waiting: readonly { readonly address: string; readonly reason: string }[]
}

export interface UpstreamView {
  readonly label: string
  readonly namedBy: 'configuration' | 'pac'
  readonly health: 'available' | 'failing' | 'down'
  readonly downUntil: number | undefined
  readonly lastFailure: Failure | undefined
  readonly sessions: {
    readonly idle: number
    /** The preconnected ones among the idle ones. */
    readonly spare: number
    readonly busy: number
    readonly connecting: number
    readonly waiting: number
  }
  readonly requests: number
  readonly failures: number
  readonly handshakes: LatencyView
}

export interface LatencyView {
  readonly count: number
  readonly lastMs: number | undefined
  readonly averageMs: number | undefined
}

export interface AccountView {
  readonly name: string
  readonly state: 'unproven' | 'proven' | 'rejected' | 'unanswered'
  readonly until: number | undefined
  readonly text: string
}

export interface TotalsView {
  readonly requests: number
  readonly tunnels: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly failures: Readonly<Record<string, number | undefined>>
  readonly clientsDenied: number
  readonly clientsMalformed: number
  readonly logLinesLost: number
}

export interface Failure {
  readonly at: number
  readonly code: string
  readonly detail: string | undefined
}

export interface FailureView extends Failure {
  readonly requestId: string
}

/** A request or tunnel that is open. */
export interface WorkView {
  readonly id: string
  readonly kind: 'request' | 'tunnel'
  readonly client: string
  readonly method: string
  readonly target: string
  readonly route: 'upstream' | 'direct' | undefined
  readonly upstream: string | undefined
  readonly startedAt: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Whether it can serve now, and if not, why. */
export interface Readiness {
  readonly isReady: boolean
  readonly reasons: readonly string[]
}

/** What is sent every second. */
export interface Snapshot {
  readonly at: number
  readonly status: StatusView
  readonly readiness: Readiness
  /** The youngest first, and not all of them. */
  readonly work: readonly WorkView[]
}

/** An upstream over the time of a sample: `failed` is one that failed and is used all the same. */
export type SampledHealth = 'up' | 'failed' | 'down'

/** What happened in the time before `at`. */
export interface Sample {
  readonly at: number
  readonly seconds: number
  /** Requests and tunnels that ended, and those of them that failed. */
  readonly requests: number
  readonly failures: number
  /** NTLM handshakes, and how long they took on the average. */
  readonly handshakes: number
  readonly handshakeMs: number | undefined
  readonly upstreams: Readonly<Record<string, SampledHealth>>
}
