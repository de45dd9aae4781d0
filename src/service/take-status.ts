import { type Clock, formatHostPort } from '../core/index.ts'
import type { Durations, StatisticsSnapshot } from '../observe/index.ts'
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
import { mergeSnapshots, snapshotsOf } from './upstream-snapshot.ts'
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
  const { refusedConfiguration: refused, upstreams: _, lastErrors, ...totals } = statistics
  return {
    ...program,
    startedAt,
    uptimeMs: Math.max(0, clock.wallMs() - startedAt),
    state: sources.state,
    configuration: { ...configuration, refused },
    listeners: listenersStatus(sources.listeners),
    upstreams: upstreamStatuses(sources),
    account: accountStatus(generation),
    clientAccounts: generation.accounts.clientCounts,
    requestsInProgress: sum([open, ...workers].map(({ requests }) => requests)),
    tunnelsOpen: sum([open, ...workers].map(({ tunnels }) => tunnels)),
    workers: workers.map(({ pid, requests, tunnels }) => ({ pid, requests, tunnels })),
    totals,
    lastErrors,
  }
}

/** First the configured ones, in their order, then those that only a PAC script names, which not all processes know. */
function upstreamStatuses({
  clock,
  generation,
  statistics,
  workers,
}: StatusSources): UpstreamStatus[] {
  const configured = new Set(generation.upstreams.configured.map(({ label }) => label))
  const seen = [
    ...snapshotsOf(generation.upstreams, clock),
    ...workers.flatMap(({ upstreams }) => upstreams),
  ]
  return [...new Set(seen.map(({ label }) => label))].flatMap(label => {
    const [first, ...others] = seen.filter(each => each.label === label)
    if (first === undefined) return []
    const namedBy = configured.has(label) ? 'configuration' : 'pac'
    return { ...mergeSnapshots(first, others), namedBy, ...countsOf(statistics.upstreams, label) }
  })
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
