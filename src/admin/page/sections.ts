import { byId, type Cell, setText, Table } from './elements.ts'
import { drawLine, healthStrip, plotWidth } from './plots.ts'
import type { ListenersView, Sample, Snapshot, StatusView, UpstreamView } from './status-view.ts'
import {
  describeGuard,
  describeHealth,
  describeHour,
  describeReadiness,
  describeSessions,
  formatBytes,
  formatDateTime,
  formatDuration,
  formatLatency,
  formatRate,
  formatTime,
  withTimeOfDay,
} from './words.ts'

const upstreams = new Table(
  'upstreams',
  [
    { name: 'Upstream' },
    { name: 'State' },
    { name: 'Last hour', look: 'wide' },
    { name: 'Sessions' },
    { name: 'Requests', look: 'number' },
    { name: 'Failures', look: 'number' },
    { name: 'Logon', look: 'number' },
    { name: 'Last failure', look: 'text' },
  ],
  'No upstream proxy: every request goes directly',
)
const work = new Table(
  'work',
  [
    { name: 'Since' },
    { name: 'Client' },
    { name: 'Target', look: 'text' },
    { name: 'Way' },
    { name: 'From client', look: 'number' },
    { name: 'To client', look: 'number' },
  ],
  'Nothing is open',
)
const failures = new Table(
  'failures',
  [{ name: 'Time' }, { name: 'Code' }, { name: 'Cause', look: 'text' }, { name: 'Request' }],
  'No request has failed',
)
const listeners = new Table(
  'listeners',
  [{ name: 'Address' }, { name: 'Serves' }, { name: 'State' }],
  'No port is open',
)

/** Pictures of the last hour by upstream; they change with a sample alone. */
let strips: ReadonlyMap<string, Element> = new Map()

export function showSnapshot(snapshot: Snapshot): void {
  const { at, readiness, status } = snapshot
  const verdict = byId('verdict')
  verdict.dataset['look'] = readiness.isReady ? 'good' : 'bad'
  setText(verdict, withTimeOfDay(describeReadiness(readiness), status.account))
  setText(byId('version'), `${status.version}, up ${formatDuration(status.uptimeMs)}`)
  showGuard(status)
  setText(byId('in-progress'), `${status.requestsInProgress}`)
  setText(byId('tunnels-open'), `${status.tunnelsOpen}`)
  const { bytesIn, bytesOut, requests } = status.totals
  setText(byId('requests-total'), `${requests}`)
  setText(byId('bytes-total'), `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`)
  upstreams.fill(status.upstreams.map(upstream => upstreamRow(upstream, at)))
  showWork(snapshot)
  failures.fill(
    status.lastErrors.map(error => [
      formatTime(error.at),
      error.code,
      error.detail ?? '-',
      error.requestId,
    ]),
  )
  listeners.fill(listenerRows(status.listeners))
  showConfiguration(status)
}

export function showHistory(samples: readonly Sample[]): void {
  const rates = samples.map(({ requests, seconds }) => (seconds > 0 ? requests / seconds : 0))
  const latencies = samples.map(({ handshakeMs }) => handshakeMs)
  drawLine(byId('rate-plot'), rates)
  drawLine(byId('latency-plot'), latencies)
  const known = latencies.filter(value => value !== undefined)
  setText(
    byId('rate-now'),
    rates.length === 0 ? '-' : `${formatRate(rates.at(-1) ?? 0)} per second`,
  )
  setText(byId('rate-most'), `at most ${formatRate(Math.max(0, ...rates))} per second`)
  setText(byId('latency-now'), formatLatency(known.at(-1)))
  const most = known.length === 0 ? undefined : Math.max(...known)
  setText(
    byId('latency-most'),
    known.length === 0 ? 'no logon yet' : `at most ${formatLatency(most)}`,
  )
  const span = `${formatDuration(plotWidth(samples.length) * 10_000)} ago`
  for (const id of ['rate-from', 'latency-from']) setText(byId(id), span)
  const labels = new Set(samples.flatMap(sample => Object.keys(sample.upstreams)))
  strips = new Map(
    [...labels].map(label => [label, healthStrip(samples, label, describeHour(samples, label))]),
  )
}

function showGuard({ account }: StatusView): void {
  const guard = byId('guard')
  const isShut = account?.state === 'rejected' || account?.state === 'unanswered'
  guard.dataset['look'] = isShut ? 'bad' : account?.state === 'proven' ? 'good' : 'neutral'
  setText(guard, describeGuard(account))
}

function upstreamRow(upstream: UpstreamView, now: number): Cell[] {
  const { failures: count, handshakes, health, label, lastFailure, namedBy, requests } = upstream
  return [
    namedBy === 'pac' ? `${label} (named by the Pac script)` : label,
    { text: describeHealth(upstream, now), look: health === 'available' ? 'good' : 'bad' },
    strips.get(label) ?? 'no samples yet',
    describeSessions(upstream),
    `${requests}`,
    `${count}`,
    formatLatency(handshakes.averageMs),
    lastFailure === undefined ? '-' : `${lastFailure.code} at ${formatTime(lastFailure.at)}`,
  ]
}

/** More rows than these are for status.json. */
const SHOWN_WORK = 25

function showWork({ at, status, work: open }: Snapshot): void {
  const shown = open.slice(0, SHOWN_WORK)
  work.fill(
    shown.map(({ bytesIn, bytesOut, client, method, route, startedAt, target, upstream }) => [
      formatDuration(at - startedAt),
      client,
      `${method} ${target}`,
      route === 'upstream' ? `via ${upstream ?? '-'}` : (route ?? 'not decided'),
      formatBytes(bytesIn),
      formatBytes(bytesOut),
    ]),
  )
  const hidden = status.requestsInProgress + status.tunnelsOpen - shown.length
  setText(byId('work-more'), hidden > 0 ? `and ${hidden} more` : '')
}

function listenerRows({ bound, waiting }: ListenersView): Cell[][] {
  return [
    ...bound.map(({ address, serves: { kind, target } }): Cell[] => [
      address,
      target === undefined
        ? { http: 'HTTP', socks5: 'SOCKS5', tunnel: 'Tunnel' }[kind]
        : `Tunnel to ${target.host}:${target.port}`,
      { text: 'open', look: 'good' },
    ]),
    ...waiting.map(({ address, reason }): Cell[] => [
      address,
      '-',
      { text: `waiting: ${reason}`, look: 'bad' },
    ]),
  ]
}

function showConfiguration({ configuration, pid, startedAt }: StatusView): void {
  const { file, generation, loadedAt, refused } = configuration
  setText(byId('config-file'), file ?? 'none, the command line and the environment say everything')
  setText(byId('config-generation'), `${generation}, taken over ${formatDateTime(loadedAt)}`)
  setText(byId('process'), `${pid}, started ${formatDateTime(startedAt)}`)
  const problem = byId('config-refused')
  problem.hidden = refused === undefined
  setText(
    problem,
    refused === undefined
      ? ''
      : `A newer configuration was refused at ${formatTime(refused.at)}: ${refused.problems.join('; ')}`,
  )
}
