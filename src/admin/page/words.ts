import type { AccountView, Readiness, Sample, SampledHealth, UpstreamView } from './status-view.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `3 d 4 h`, `2 h`, `4 min 10 s`: the two largest units, and none that is zero. */
export function formatDuration(ms: number): string {
  const units = [
    ['d', DAY, Infinity],
    ['h', HOUR, 24],
    ['min', MINUTE, 60],
    ['s', SECOND, 60],
  ] as const
  const parts = units.map(([unit, size, base]) => ({ unit, count: Math.floor(ms / size) % base }))
  const first = parts.findIndex(({ count }) => count > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(({ count }) => count > 0)
    .map(({ count, unit }) => `${count} ${unit}`)
    .join(' ')
}

/** `0 ms`, `12 ms`, `1.2 s`. */
export function formatLatency(ms: number | undefined): string {
  if (ms === undefined) return '-'
  return ms < SECOND ? `${Math.round(ms)} ms` : `${(ms / SECOND).toFixed(1)} s`
}

/** Powers of 1024, as IEC 80000-13 names them. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? ''}`
}

/** A rate in requests a second. */
export function formatRate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : `${Math.round(perSecond)}`
}

export function formatTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB')
}

export function formatDateTime(at: number): string {
  return new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

export function describeReadiness({ isReady, reasons }: Readiness): string {
  return isReady ? 'Ready' : `Not ready: ${reasons.join('; ')}`
}

/** The state of the guard as text. */
export function describeGuard(account: AccountView | undefined): string {
  if (account === undefined) return 'The configuration has no account, so no password is sent.'
  return `${account.name}: ${withTimeOfDay(account.text, account)}.`
}

/** Remaining seconds change constantly, and a screen reader would read the text out on each change. */
export function withTimeOfDay(text: string, account: AccountView | undefined): string {
  const until = account?.until
  return until === undefined ? text : text.replace(/ for \d+ s;/, ` until ${formatTime(until)};`)
}

/** The sessions by state: `2 idle (1 made ahead), 1 busy`. */
export function describeSessions({ sessions }: UpstreamView): string {
  const { idle, spare, busy, connecting, waiting } = sessions
  const ahead = spare > 0 ? ` (${spare} made ahead)` : ''
  const parts = [
    [idle, `idle${ahead}`],
    [busy, 'busy'],
    [connecting, 'connecting'],
    [waiting, 'waiting'],
  ] as const
  const there = parts.filter(([count]) => count > 0)
  return there.length === 0 ? 'none' : there.map(([count, what]) => `${count} ${what}`).join(', ')
}

export function describeHealth({ downUntil, health }: UpstreamView, now: number): string {
  if (health === 'available') return 'available'
  if (health === 'failing') return 'answers with errors alone'
  if (downUntil === undefined) return 'down, being checked'
  return `down for ${formatDuration(Math.max(downUntil - now, SECOND))}`
}

/** The health of one upstream as text, for readers who cannot see the strip. */
export function describeHour(samples: readonly Sample[], label: string): string {
  const seen = samples.flatMap(({ upstreams }) => upstreams[label] ?? [])
  if (seen.length === 0) return 'no samples yet'
  const share = (health: SampledHealth): string => {
    const count = seen.filter(each => each === health).length
    return count === 0 ? '' : `${health} ${Math.max(Math.round((count / seen.length) * 100), 1)}%`
  }
  const parts = [share('up'), share('failed'), share('down')].filter(text => text !== '')
  const covered = samples.reduce((sum, { seconds }) => sum + seconds, 0)
  return `last ${formatDuration(covered * SECOND)}: ${parts.join(', ')}`
}
