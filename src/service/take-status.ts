import { type Clock, formatHostPort } from '../core/index.ts'
import type { Durations, StatisticsSnapshot } from '../observe/index.ts'
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
import type { WorkerSnapshot } from './workforce.ts'

export interface StatusSources {
  readonly clock: Clock
  readonly program: Program
  readonly state: ServiceState
  readonly startedAt: number
  readonly configuration: Omit<ConfigurationStatus, 'refused'>
  readonly generation: Pick<Generation, 'accounts' | 'guard' | 'upstreams'>
  readonly listeners: Pick<Listeners, 'bound' | 'problems'>
  readonly open: { readonly requests: number; readonly tunnels: number }
  readonly workers: readonly WorkerSnapshot[]
  readonly statistics: StatisticsSnapshot
}

export function takeStatus(sources: StatusSources): ServiceStatus {
  const { clock, configuration, generation, open, program, startedAt, statistics, workers } =
    sources
  const { refusedConfiguration: refused, upstreams: counted, lastErrors, ...totals } = statistics
  const { configured, others } = generation.upstreams
  const upstreamStatus = (
    upstream: Upstream,
    namedBy: UpstreamStatus['namedBy'],
  ): UpstreamStatus => ({
    label: upstream.label,
    namedBy,
    ...healthOf(upstream, clock),
    ...waysOf(upstream, workers),
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
    account: accountStatus(generation),
    clientAccounts: generation.accounts.clientCounts,
    requestsInProgress: sum([open, ...workers].map(({ requests }) => requests)),
    tunnelsOpen: sum([open, ...workers].map(({ tunnels }) => tunnels)),
    workers: workers.map(({ pid, requests, tunnels }) => ({ pid, requests, tunnels })),
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

/** Each process has sessions of its own, and learns the upstream's ways by itself. */
function waysOf(
  { counts, demand, label, scheme }: Upstream,
  workers: readonly WorkerSnapshot[],
): Pick<UpstreamStatus, 'demand' | 'scheme' | 'sessions'> {
  const elsewhere = workers.flatMap(({ upstreams }) =>
    upstreams.filter(each => each.label === label),
  )
  const learned = elsewhere.find(each => each.demand !== 'unknown')
  const all = [counts, ...elsewhere.map(({ sessions }) => sessions)]
  return {
    demand: demand === 'unknown' ? (learned?.demand ?? demand) : demand,
    scheme: demand === 'unknown' ? (learned?.scheme ?? scheme) : scheme,
    sessions: {
      idle: sum(all.map(({ idle }) => idle)),
      spare: sum(all.map(({ spare }) => spare)),
      busy: sum(all.map(({ busy }) => busy)),
      connecting: sum(all.map(({ connecting }) => connecting)),
      waiting: sum(all.map(({ waiting }) => waiting)),
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
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

function accountStatus({
  accounts,
  guard,
}: StatusSources['generation']): AccountStatus | undefined {
  const { own } = accounts
  return own && guard && { name: own.authenticator.account, ...guard.status }
}
