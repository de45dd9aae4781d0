import { type Clock, formatHostPort } from '../core/index.ts'
import type { Durations, StatisticsSnapshot } from '../observe/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import type { Upstream } from '../upstream/index.ts'
import type { Generation } from './build.ts'
import type { Listeners } from './listeners.ts'
import type {
  AccountStatus,
  ConfigurationStatus,
  Latency,
  ListenersStatus,
  Program,
  ServiceState,
  ServiceStatus,
  UpstreamStatus,
} from './status.ts'

export interface StatusSources {
  readonly clock: Clock
  readonly program: Program
  readonly state: ServiceState
  readonly startedAt: number
  readonly configuration: Omit<ConfigurationStatus, 'refused'>
  readonly generation: Pick<Generation, 'accounts' | 'upstreams'>
  readonly listeners: Pick<Listeners, 'bound' | 'problems'>
  readonly work: readonly WorkInProgress[]
  readonly statistics: StatisticsSnapshot
}

export function takeStatus(sources: StatusSources): ServiceStatus {
  const { clock, configuration, generation, program, startedAt, statistics, work } = sources
  const { refusedConfiguration: refused, upstreams: counted, lastErrors, ...totals } = statistics
  const { configured, others } = generation.upstreams
  const tunnelsOpen = work.filter(({ kind }) => kind === 'tunnel').length
  const upstreamStatus = (
    upstream: Upstream,
    namedBy: UpstreamStatus['namedBy'],
  ): UpstreamStatus => ({
    label: upstream.label,
    namedBy,
    ...healthOf(upstream, clock),
    demand: upstream.demand,
    scheme: upstream.scheme,
    sessions: upstream.counts,
    ...countsOf(counted, upstream.label),
  })
  return {
    ...program,
    startedAt,
    uptimeMs: Math.max(0, clock.wallMs() - startedAt),
    state: sources.state,
    configuration: { ...configuration, refused },
    listeners: listenersStatus(sources.listeners),
    upstreams: [
      ...configured.map(upstream => upstreamStatus(upstream, 'configuration')),
      ...others.map(upstream => upstreamStatus(upstream, 'pac')),
    ],
    account: accountStatus(generation.accounts.own),
    clientAccounts: generation.accounts.clientCounts,
    requestsInProgress: work.length - tunnelsOpen,
    tunnelsOpen,
    totals,
    lastErrors,
  }
}

function healthOf(
  upstream: Upstream,
  clock: Clock,
): Pick<UpstreamStatus, 'health' | 'downUntil' | 'failuresInARow'> {
  const { downUntil, failures } = upstream.health
  const leftMs = downUntil - clock.now()
  return {
    health: upstream.isAvailable() ? 'available' : 'down',
    downUntil: leftMs > 0 ? Math.round(clock.wallMs() + leftMs) : undefined,
    failuresInARow: failures,
  }
}

function countsOf(
  counted: StatisticsSnapshot['upstreams'],
  label: string,
): Pick<
  UpstreamStatus,
  'requests' | 'failures' | 'lastFailure' | 'limited' | 'dials' | 'handshakes'
> {
  const known = counted.get(label)
  return {
    requests: known?.requests ?? 0,
    failures: known?.failures ?? 0,
    lastFailure: known?.lastFailure,
    limited: known?.limited ?? 0,
    dials: latency(known?.dials),
    handshakes: latency(known?.handshakes),
  }
}

function latency(durations: Durations | undefined): Latency {
  const { count, totalMs, lastMs } = durations ?? { count: 0, totalMs: 0, lastMs: undefined }
  return { count, lastMs, averageMs: count === 0 ? undefined : totalMs / count }
}

function listenersStatus({ bound, problems }: StatusSources['listeners']): ListenersStatus {
  return {
    bound: bound.map(({ address, serves }) => ({ address: formatHostPort(address), serves })),
    waiting: [...problems].map(([address, { reason }]) => ({ address, reason })),
  }
}

function accountStatus(own: Generation['accounts']['own']): AccountStatus | undefined {
  return own && { name: own.authenticator.account, ...own.gate.status }
}
