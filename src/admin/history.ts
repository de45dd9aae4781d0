import type { Clock, Timer } from '../core/index.ts'
import type { Sample, SampledHealth, StatusView, UpstreamView } from './page/status-view.ts'

const SAMPLE_EVERY_MS = 10_000
/** An hour. */
const KEPT_SAMPLES = 360

export interface HistoryOptions {
  readonly clock: Clock
  readonly status: () => StatusView
  readonly onSample: (sample: Sample) => void
}

/** The last hour in samples of ten seconds. It is bounded, and runs only while it is started. */
export class History {
  readonly #options: HistoryOptions
  #samples: readonly Sample[] = []
  #timer: Timer | undefined

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /** The oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  start(): void {
    if (this.#timer !== undefined) return
    const { clock, status } = this.#options
    this.#sampleAfter(status(), clock.now())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #sampleAfter(before: StatusView, beganAt: number): void {
    const { clock, onSample, status } = this.#options
    this.#timer = clock.setTimer(SAMPLE_EVERY_MS, () => {
      const after = status()
      const endedAt = clock.now()
      const time = { at: clock.wallMs(), seconds: (endedAt - beganAt) / 1000 }
      const sample = sampleBetween(before, after, time)
      this.#samples = [...this.#samples, sample].slice(-KEPT_SAMPLES)
      onSample(sample)
      this.#sampleAfter(after, endedAt)
    })
  }
}

/** What happened between two states of the service. */
export function sampleBetween(
  before: StatusView,
  after: StatusView,
  time: Pick<Sample, 'at' | 'seconds'>,
): Sample {
  const earlier = new Map(before.upstreams.map(upstream => [upstream.label, upstream]))
  const handshakes = difference(handshakesOf(before), handshakesOf(after))
  return {
    ...time,
    requests: after.totals.requests - before.totals.requests,
    failures: failuresOf(after) - failuresOf(before),
    handshakes: handshakes.count,
    handshakeMs: handshakes.count > 0 ? handshakes.totalMs / handshakes.count : undefined,
    upstreams: Object.fromEntries(
      after.upstreams
        .filter(({ namedBy }) => namedBy === 'configuration')
        .map(upstream => [upstream.label, healthBetween(earlier.get(upstream.label), upstream)]),
    ),
  }
}

function healthBetween(before: UpstreamView | undefined, after: UpstreamView): SampledHealth {
  if (after.health === 'down') return 'down'
  if (after.health === 'failing') return 'failed'
  return after.failures > (before?.failures ?? 0) ? 'failed' : 'up'
}

/** A disconnected client does not count as a failure. */
function failuresOf({ totals }: StatusView): number {
  return Object.entries(totals.failures)
    .filter(([code]) => code !== 'CLIENT_ABORTED')
    .reduce((sum, [, count = 0]) => sum + count, 0)
}

interface Handshakes {
  readonly count: number
  readonly totalMs: number
}

function handshakesOf({ upstreams }: StatusView): Handshakes {
  const all = upstreams.map(({ handshakes }) => handshakes)
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    totalMs: all.reduce((sum, { averageMs = 0, count }) => sum + averageMs * count, 0),
  }
}

/** An upstream that left with a reload took its handshakes along. */
function difference(before: Handshakes, after: Handshakes): Handshakes {
  const count = after.count - before.count
  const totalMs = after.totalMs - before.totalMs
  return count > 0 && totalMs >= 0 ? { count, totalMs } : { count: 0, totalMs: 0 }
}
