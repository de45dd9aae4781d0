import type { Served } from '../config/index.ts'
import { formatHostPort } from '../core/index.ts'
import type {
  AccountStatus,
  Latency,
  ServiceStatus,
  UpstreamStatus,
  WorkerStatus,
} from '../service/index.ts'
import { bytes, columns, localTime, printable, span } from './columns.ts'

/** Requests that need an upstream fail: none of them is available, or the password is kept back. */
export function isDegraded({ account, upstreams }: ServiceStatus): boolean {
  const isShut = account?.state === 'rejected' || account?.state === 'unanswered'
  const configured = upstreams.filter(({ namedBy }) => namedBy === 'configuration')
  return isShut || (configured.length > 0 && configured.every(({ health }) => health === 'down'))
}

/** The status for people, as lines. */
export function statusReport(status: ServiceStatus): string[] {
  const now = status.startedAt + status.uptimeMs
  return [
    ...headLines(status, now),
    '',
    ...upstreamLines(status.upstreams, now),
    ...listenerLines(status),
    '',
    ...totalLines(status),
    ...errorLines(status),
  ].map(printable)
}

function headLines(
  { account, clientAccounts, configuration, ...status }: ServiceStatus,
  now: number,
): string[] {
  const {
    file = 'from the environment and the command line',
    generation,
    loadedAt,
    refused,
  } = configuration
  const rows = [
    [
      'tsntlm',
      `${status.version}, process ${status.pid}, ${status.state} for ${span(status.uptimeMs)}`,
    ],
    ['configuration', `${file}, number ${generation}, read ${localTime(loadedAt)}`],
    ...(refused === undefined
      ? []
      : [
          ['', `a later one was refused ${span(now - refused.at)} ago and is not in use:`],
          ...refused.problems.map(problem => ['', `  ${problem}`]),
        ]),
    ['account', account === undefined ? 'none in the configuration' : accountText(account, now)],
    ...(clientAccounts.known === 0
      ? []
      : [
          [
            '',
            `clients named ${clientAccounts.known} more, ${clientAccounts.refused} of them refused`,
          ],
        ]),
    ['in progress', `${status.requestsInProgress} requests, ${status.tunnelsOpen} tunnels`],
    ...status.workers.map(workerRow),
  ]
  return columns(rows)
}

function workerRow({ pid, requests, tunnels }: WorkerStatus, index: number): string[] {
  return [index === 0 ? 'workers' : '', `process ${pid}: ${requests} requests, ${tunnels} tunnels`]
}

function accountText({ name, state, text, until }: AccountStatus, now: number): string {
  const when = until === undefined ? '' : ` until ${localTime(until)} (${span(until - now)})`
  return `${name}: ${state}${when}; ${text}`
}

const UPSTREAM_HEAD = [
  'UPSTREAM',
  'HEALTH',
  'LOGON',
  'IDLE',
  'BUSY',
  'NEW',
  'WAIT',
  'REQUESTS',
  'DIAL',
  'HANDSHAKE',
]

function upstreamLines(upstreams: readonly UpstreamStatus[], now: number): string[] {
  if (upstreams.length === 0) return ['no upstream: everything goes directly', '']
  const rows = upstreams.map(upstream => {
    const { idle, busy, connecting, waiting } = upstream.sessions
    return [
      upstream.label,
      healthText(upstream, now),
      upstream.demand === 'unknown' ? '-' : `${upstream.demand} ${upstream.scheme}`,
      ...[idle, busy, connecting, waiting, upstream.requests].map(String),
      latencyText(upstream.dials),
      latencyText(upstream.handshakes),
    ]
  })
  const failed = upstreams.flatMap(({ label, lastFailure }) =>
    lastFailure === undefined
      ? []
      : `  ${label} failed last ${span(now - lastFailure.at)} ago: ${lastFailure.code} ${lastFailure.detail ?? ''}`,
  )
  return [...columns([UPSTREAM_HEAD, ...rows]), ...failed, '']
}

function healthText(
  { health, downUntil, failuresInARow, namedBy }: UpstreamStatus,
  now: number,
): string {
  const pac = namedBy === 'pac' ? ' (Pac)' : ''
  if (health === 'failing') return `answers with errors alone${pac}`
  if (health === 'available')
    return failuresInARow === 0 ? `ok${pac}` : `ok after ${failuresInARow} failures${pac}`
  return downUntil === undefined
    ? `down, being tried${pac}`
    : `down for ${span(downUntil - now)}${pac}`
}

/** The last one and the average. */
function latencyText({ averageMs, lastMs }: Latency): string {
  if (averageMs === undefined || lastMs === undefined) return '-'
  return `${Math.round(lastMs)}/${Math.round(averageMs)} ms`
}

function listenerLines({ listeners: { bound, waiting } }: ServiceStatus): string[] {
  const rows = [
    ...bound.map(({ address, serves }) => [address, servedText(serves)]),
    ...waiting.map(({ address, reason }) => [address, `waiting: ${reason}`]),
  ]
  return columns([['LISTENER', 'SERVES'], ...rows])
}

function servedText(serves: Served): string {
  return serves.kind === 'tunnel' ? `tunnel to ${formatHostPort(serves.target)}` : serves.kind
}

function totalLines({ totals }: ServiceStatus): string[] {
  const {
    bytesIn,
    bytesOut,
    clientsDenied,
    clientsMalformed,
    clientsRefused,
    failures,
    logLinesLost,
    requests,
    routes,
    tunnels,
  } = totals
  const failed = Object.entries(failures).map(([code, count]) => `${code} ${count}`)
  return columns([
    [
      'finished',
      `${requests} requests, ${tunnels} of them tunnels; ${routes.upstream} through upstreams, ${routes.direct} directly`,
    ],
    ['bytes', `${bytes(bytesIn)} from clients, ${bytes(bytesOut)} to them`],
    [
      'refused',
      `${clientsDenied} clients by Allow and Deny, ${clientsRefused} at limits, ${clientsMalformed} without a valid request`,
    ],
    ['failed', failed.length === 0 ? 'none' : failed.join(', ')],
    ...(logLinesLost === 0
      ? []
      : [['log', `${logLinesLost} lines lost: its reader is too slow, or it cannot be written`]]),
  ])
}

const SHOWN_ERRORS = 8

function errorLines({ lastErrors }: ServiceStatus): string[] {
  if (lastErrors.length === 0) return []
  const rows = lastErrors
    .slice(0, SHOWN_ERRORS)
    .map(({ at, code, detail = '', requestId }) => [localTime(at), requestId, code, detail])
  return ['', ...columns([['LAST ERRORS', 'REQUEST', 'CODE', 'DETAIL'], ...rows])]
}
