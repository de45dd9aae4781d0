import type { Clock, Emit, ErrorCode, ProxyEvent, RequestRecord } from '../core/index.ts'

/** How long something took, over all times it was done. */
export interface Durations {
  readonly count: number
  readonly totalMs: number
  /** undefined until it was done once. */
  readonly lastMs: number | undefined
}

export interface Failure {
  /** Unix time in ms. */
  readonly at: number
  readonly code: ErrorCode
  readonly detail: string | undefined
}

export interface FailedRequest extends Failure {
  readonly requestId: string
}

export interface UpstreamStatistics {
  /** Requests whose last attempt went there. */
  readonly requests: number
  /** What counted against its health. */
  readonly failures: number
  readonly lastFailure: Failure | undefined
  /** Answers by which it asked to come again later. */
  readonly limited: number
  readonly dials: Durations
  /** NTLM handshakes that ended with a session that is logged on. */
  readonly handshakes: Durations
}

export interface RefusedConfiguration {
  /** Unix time in ms. */
  readonly at: number
  readonly problems: readonly string[]
}

/** What was counted since the start. Requests and tunnels count when they end. */
export interface StatisticsSnapshot {
  /** Including tunnels. */
  readonly requests: number
  readonly tunnels: number
  readonly routes: Readonly<Record<RequestRecord['route'], number>>
  /** From and to clients: bodies and tunnel data only. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Failed requests by error code. */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>
  /** Connections that Allow and Deny refused. */
  readonly clientsDenied: number
  /** Connections and requests refused at a limit. */
  readonly clientsRefused: number
  readonly clientsMalformed: number
  readonly logLinesLost: number
  readonly upstreams: ReadonlyMap<string, UpstreamStatistics>
  /** The most recent first. Requests aborted by the client are not included. */
  readonly lastErrors: readonly FailedRequest[]
  /** The last configuration that was refused; undefined once another one was applied. */
  readonly refusedConfiguration: RefusedConfiguration | undefined
}

export interface Statistics {
  readonly emit: Emit
  readonly snapshot: () => StatisticsSnapshot
}

const KEPT_ERRORS = 20

/** A Pac script may name any number of upstreams: this limits how many are counted that the configuration does not name. */
const MAX_OTHERS = 64

type Growing<T> = { -readonly [K in keyof T]: T[K] }

/**
 * An event sink that counts.
 * @param logLinesLost a callback, because no event reports lost lines while the log is not being read.
 */
export function createStatistics(
  clock: Pick<Clock, 'wallMs'>,
  logLinesLost: () => number = () => 0,
): Statistics {
  const totals = {
    requests: 0,
    tunnels: 0,
    routes: { direct: 0, upstream: 0, none: 0 },
    bytesIn: 0,
    bytesOut: 0,
    clientsDenied: 0,
    clientsRefused: 0,
    clientsMalformed: 0,
  }
  const failures: Partial<Record<ErrorCode, number>> = {}
  const upstreams = new CountedUpstreams()
  let lastErrors: readonly FailedRequest[] = []
  let refusedConfiguration: RefusedConfiguration | undefined

  const countRequest = (record: RequestRecord): void => {
    const { bytesIn, bytesOut, detail, error: code, id, isTunnel, route, upstream } = record
    totals.requests++
    if (isTunnel) totals.tunnels++
    totals.routes[route]++
    totals.bytesIn += bytesIn
    totals.bytesOut += bytesOut
    if (route === 'upstream' && upstream !== undefined) upstreams.at(upstream).requests++
    if (code === undefined) return
    failures[code] = (failures[code] ?? 0) + 1
    if (code === 'CLIENT_ABORTED') return
    const error = { at: clock.wallMs(), code, detail, requestId: id }
    lastErrors = [error, ...lastErrors].slice(0, KEPT_ERRORS)
  }

  const emit = (event: ProxyEvent): void => {
    switch (event.type) {
      case 'request.finished':
        countRequest(event.record)
        break
      case 'client.denied':
        totals.clientsDenied++
        break
      case 'client.refused':
        totals.clientsRefused++
        break
      case 'client.malformed':
        totals.clientsMalformed++
        break
      case 'service.started':
      case 'config.loaded':
        upstreams.configure(event.upstreams)
        refusedConfiguration = undefined
        break
      case 'config.rejected':
        refusedConfiguration = { at: clock.wallMs(), problems: event.issues }
        break
      case 'upstream.failed': {
        const upstream = upstreams.at(event.upstream)
        upstream.failures++
        upstream.lastFailure = { at: clock.wallMs(), code: event.error, detail: event.detail }
        break
      }
      case 'upstream.limited':
        upstreams.at(event.upstream).limited++
        break
      // Web servers that are reached directly have sessions too.
      case 'session.dialed': {
        const upstream = upstreams.known(event.upstream)
        if (upstream !== undefined) upstream.dials = plus(upstream.dials, event.ms)
        break
      }
      case 'session.authenticated': {
        const upstream = upstreams.known(event.upstream)
        if (upstream !== undefined) upstream.handshakes = plus(upstream.handshakes, event.ms)
        break
      }
      default:
    }
  }

  const snapshot = (): StatisticsSnapshot => ({
    ...totals,
    logLinesLost: logLinesLost(),
    routes: { ...totals.routes },
    failures: { ...failures },
    upstreams: upstreams.snapshot(),
    lastErrors,
    refusedConfiguration,
  })
  return { emit, snapshot }
}

const NEVER: Durations = { count: 0, totalMs: 0, lastMs: undefined }

function plus({ count, totalMs }: Durations, ms: number): Durations {
  return { count: count + 1, totalMs: totalMs + ms, lastMs: ms }
}

type CountedUpstream = Growing<UpstreamStatistics>

function nothingCounted(): CountedUpstream {
  return {
    requests: 0,
    failures: 0,
    lastFailure: undefined,
    limited: 0,
    dials: NEVER,
    handshakes: NEVER,
  }
}

class CountedUpstreams {
  readonly #configured = new Map<string, CountedUpstream>()
  readonly #others = new Map<string, CountedUpstream>()

  /** What was counted goes on counting: who was configured once may be so again. */
  configure(labels: readonly string[]): void {
    for (const label of labels) {
      this.#configured.set(label, this.at(label))
      this.#others.delete(label)
    }
  }

  known(label: string): CountedUpstream | undefined {
    return this.#configured.get(label) ?? this.#others.get(label)
  }

  at(label: string): CountedUpstream {
    const known = this.known(label)
    if (known !== undefined) return known
    const [oldest] = this.#others.keys()
    if (this.#others.size >= MAX_OTHERS && oldest !== undefined) this.#others.delete(oldest)
    const counted = nothingCounted()
    this.#others.set(label, counted)
    return counted
  }

  snapshot(): ReadonlyMap<string, UpstreamStatistics> {
    return new Map(
      [...this.#configured, ...this.#others].map(([label, counted]) => [label, { ...counted }]),
    )
  }
}
