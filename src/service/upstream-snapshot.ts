import type { Clock } from '../core/index.ts'
import type { PoolCounts, Upstream, Upstreams } from '../upstream/index.ts'

/** One upstream as one process sees it. */
export interface UpstreamSnapshot {
  readonly label: string
  /** `down`: used only when no other is left. `failing`: responds, but has for a while returned nothing but errors of its own. */
  readonly health: 'available' | 'failing' | 'down'
  /** Unix time in ms; undefined also while a health check is in progress. */
  readonly downUntil: number | undefined
  readonly failuresInARow: number
  readonly demand: Upstream['demand']
  readonly scheme: Upstream['scheme']
  /** Sessions of all accounts together; tunnels no longer count as sessions. */
  readonly sessions: PoolCounts
}

function snapshotOf(upstream: Upstream, clock: Clock): UpstreamSnapshot {
  const { counts: sessions, demand, health, label, scheme } = upstream
  const leftMs = health.downUntil - clock.now()
  return {
    label,
    health: healthOf(upstream),
    downUntil: leftMs > 0 ? Math.round(clock.wallMs() + leftMs) : undefined,
    failuresInARow: health.failures,
    demand,
    scheme,
    sessions,
  }
}

function healthOf(upstream: Upstream): UpstreamSnapshot['health'] {
  if (!upstream.isAvailable()) return 'down'
  return upstream.onlyFails ? 'failing' : 'available'
}

/** First those of the Proxy directives, in their order, then those that only a PAC script names. */
export function snapshotsOf({ configured, others }: Upstreams, clock: Clock): UpstreamSnapshot[] {
  return [...configured, ...others].map(upstream => snapshotOf(upstream, clock))
}

/**
 * Merges what several processes know about one upstream, this process first. They share its health; each has its own
 * sessions and detects its capabilities by itself.
 */
export function mergeSnapshots(
  first: UpstreamSnapshot,
  others: readonly UpstreamSnapshot[],
): UpstreamSnapshot {
  const all = [first, ...others]
  const knowing = all.find(({ demand }) => demand !== 'unknown') ?? first
  const isFailing = first.health !== 'down' && all.some(({ health }) => health === 'failing')
  const sum = (state: keyof PoolCounts): number =>
    all.reduce((total, { sessions }) => total + sessions[state], 0)
  return {
    ...first,
    health: isFailing ? 'failing' : first.health,
    demand: knowing.demand,
    scheme: knowing.scheme,
    sessions: {
      idle: sum('idle'),
      spare: sum('spare'),
      busy: sum('busy'),
      connecting: sum('connecting'),
      waiting: sum('waiting'),
    },
  }
}
