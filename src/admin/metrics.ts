import type { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ProxyEvent, RequestRecord } from '../core/index.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from './metric-table.ts'
import type { StatusView } from './page/status-view.ts'
import { readinessOf } from './readiness.ts'

export interface Metrics {
  readonly contentType: string
  observe(event: ProxyEvent): void
  /** All metrics in Prometheus' text format. */
  text(status: StatusView): Promise<string>
}

/** How often the delay of the event loop is measured: the library's 10 ms would wake an idle process a hundred times a second. */
const LOOP_PRECISION_MS = 100

/** prom-client is loaded here and not before: without Admin nobody needs it. */
export async function createMetrics(nodeVersion: string): Promise<Metrics> {
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS })
  const counters = mapRows(
    COUNTERS,
    (name, { help, labels }) => new Counter({ name, help, labelNames: labels, registers }),
  )
  const histograms = mapRows(
    HISTOGRAMS,
    (name, { help, labels, buckets }) =>
      new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers }),
  )
  const gauges = mapRows(
    GAUGES,
    (name, { help, labels }) => new Gauge({ name, help, labelNames: labels, registers }),
  )
  return new PromMetrics({ registry, counters, histograms, gauges }, nodeVersion)
}

type Counters = Record<keyof typeof COUNTERS, Counter>
type Histograms = Record<keyof typeof HISTOGRAMS, Histogram>
type Gauges = Record<keyof typeof GAUGES, Gauge>

interface Instruments {
  readonly registry: Registry
  readonly counters: Counters
  readonly histograms: Histograms
  readonly gauges: Gauges
}

function mapRows<Name extends string, Row, Made>(
  rows: Readonly<Record<Name, Row>>,
  make: (name: Name, row: Row) => Made,
): Record<Name, Made> {
  const entries = Object.entries(rows) as [Name, Row][]
  return Object.fromEntries(entries.map(([name, row]) => [name, make(name, row)])) as Record<
    Name,
    Made
  >
}

/** Methods that have a value of their own; a client may send any word. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  // Connections to SOCKS5 ports and to those with a fixed target.
  'SOCKS',
  'FORWARD',
])
const OTHER = 'other'

const GUARD_STATES: readonly NonNullable<StatusView['account']>['state'][] = [
  'unproven',
  'proven',
  'rejected',
  'unanswered',
]

class PromMetrics implements Metrics {
  readonly contentType: string
  readonly #instruments: Instruments
  readonly #nodeVersion: string
  #upstreams: ReadonlySet<string> = new Set()
  #logLinesLost = 0

  constructor(instruments: Instruments, nodeVersion: string) {
    this.#instruments = instruments
    this.#nodeVersion = nodeVersion
    this.contentType = instruments.registry.contentType
    const { counters } = instruments
    // Series that alerts watch must exist before the first occurrence.
    for (const account of ['own', 'client'])
      counters.tsntlm_logons_rejected_total.inc({ account }, 0)
    for (const result of ['taken', 'refused'])
      counters.tsntlm_config_reloads_total.inc({ result }, 0)
  }

  observe(event: ProxyEvent): void {
    const { counters, histograms } = this.#instruments
    switch (event.type) {
      case 'request.finished':
        this.#countRequest(event.record)
        break
      case 'client.denied':
        counters.tsntlm_clients_denied_total.inc()
        break
      case 'client.malformed':
        counters.tsntlm_clients_malformed_total.inc()
        break
      case 'session.dialed': {
        const upstream = this.#name(event.upstream)
        counters.tsntlm_sessions_opened_total.inc({ upstream })
        histograms.tsntlm_connect_duration_seconds.observe({ upstream }, event.ms / 1000)
        break
      }
      case 'session.authenticated': {
        const upstream = this.#name(event.upstream)
        histograms.tsntlm_handshake_duration_seconds.observe({ upstream }, event.ms / 1000)
        break
      }
      case 'session.reused':
        counters.tsntlm_sessions_reused_total.inc({ upstream: this.#name(event.upstream) })
        break
      default:
        this.#countRare(event)
    }
  }

  async text(status: StatusView): Promise<string> {
    this.#readState(status)
    return this.#instruments.registry.metrics()
  }

  #countRequest(record: RequestRecord): void {
    const { counters, histograms } = this.#instruments
    const { bytesIn, bytesOut, error, isTunnel, method, responseMs, route, status, totalMs } =
      record
    counters.tsntlm_requests_total.inc({
      route,
      method: METHODS.has(method) ? method : OTHER,
      status_class: statusClass(status),
    })
    counters.tsntlm_received_bytes_total.inc({ route }, bytesIn)
    counters.tsntlm_sent_bytes_total.inc({ route }, bytesOut)
    if (error !== undefined) counters.tsntlm_request_errors_total.inc({ code: error })
    if (responseMs !== undefined)
      histograms.tsntlm_first_byte_seconds.observe({ route }, responseMs / 1000)
    const { tsntlm_request_duration_seconds, tsntlm_tunnel_duration_seconds } = histograms
    const duration = isTunnel ? tsntlm_tunnel_duration_seconds : tsntlm_request_duration_seconds
    duration.observe({ route }, totalMs / 1000)
  }

  #countRare(event: ProxyEvent): void {
    const { counters } = this.#instruments
    switch (event.type) {
      case 'upstream.failed': {
        const upstream = this.#name(event.upstream)
        counters.tsntlm_upstream_failures_total.inc({ upstream, code: event.error })
        break
      }
      case 'client.refused':
        counters.tsntlm_clients_refused_total.inc({ limit: event.limit })
        break
      case 'upstream.limited':
        counters.tsntlm_upstream_limited_total.inc({ upstream: this.#name(event.upstream) })
        break
      case 'guard.tripped':
      case 'credential.misread':
        counters.tsntlm_logons_rejected_total.inc({ account: 'own' })
        break
      case 'client.rejected':
        counters.tsntlm_logons_rejected_total.inc({ account: 'client' })
        break
      case 'service.started':
        this.#upstreams = new Set(event.upstreams)
        break
      case 'config.loaded':
        this.#upstreams = new Set(event.upstreams)
        counters.tsntlm_config_reloads_total.inc({ result: 'taken' })
        break
      case 'config.rejected':
        counters.tsntlm_config_reloads_total.inc({ result: 'refused' })
        break
      case 'pac.failed':
      case 'pac.faulted':
        counters.tsntlm_pac_failures_total.inc()
        break
      case 'bug':
        counters.tsntlm_bugs_total.inc()
        break
      default:
    }
  }

  /** Web servers reached directly, and proxies named only by a Pac script, are counted together. */
  #name(upstream: string): string {
    return this.#upstreams.has(upstream) ? upstream : OTHER
  }

  #readState(status: StatusView): void {
    const { counters, gauges } = this.#instruments
    const { logLinesLost } = status.totals
    counters.tsntlm_log_lines_lost_total.inc(logLinesLost - this.#logLinesLost)
    this.#logLinesLost = logLinesLost
    const { account, configuration, listeners, version } = status
    const configured = status.upstreams.filter(({ namedBy }) => namedBy === 'configuration')
    this.#upstreams = new Set(configured.map(({ label }) => label))
    gauges.tsntlm_build_info.set({ version, node: this.#nodeVersion }, 1)
    gauges.tsntlm_ready.set(readinessOf(status).isReady ? 1 : 0)
    gauges.tsntlm_requests_in_progress.set(status.requestsInProgress)
    gauges.tsntlm_tunnels_open.set(status.tunnelsOpen)
    gauges.tsntlm_sessions.reset()
    gauges.tsntlm_upstream_up.reset()
    for (const { health, label: upstream, sessions } of configured) {
      gauges.tsntlm_upstream_up.set({ upstream }, health === 'down' ? 0 : 1)
      // Each connection counts in exactly one state.
      const states = { ...sessions, idle: sessions.idle - sessions.spare }
      for (const [state, count] of Object.entries(states))
        gauges.tsntlm_sessions.set({ upstream, state }, count)
    }
    gauges.tsntlm_guard_state.reset()
    if (account !== undefined) {
      for (const state of GUARD_STATES)
        gauges.tsntlm_guard_state.set({ state }, account.state === state ? 1 : 0)
    }
    gauges.tsntlm_listeners.set({ state: 'bound' }, listeners.bound.length)
    gauges.tsntlm_listeners.set({ state: 'waiting' }, listeners.waiting.length)
    gauges.tsntlm_config_generation.set(configuration.generation)
    gauges.tsntlm_config_last_reload_successful.set(configuration.refused === undefined ? 1 : 0)
    gauges.tsntlm_config_last_reload_success_timestamp_seconds.set(configuration.loadedAt / 1000)
  }
}

/** `2xx`; a client that went away before its answer has none. */
function statusClass(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'none'
}
