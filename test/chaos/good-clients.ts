import { setTimeout as sleep } from 'node:timers/promises'
import { KINDS, type Plan } from './plan.ts'
import { Random } from './random.ts'
import { transfer } from './transfer.ts'
import type { World } from './world.ts'

/** Something that is to succeed again and again. It gives what went wrong. */
export type Work = () => Promise<string | undefined>

export interface Duration {
  readonly ms: number
  /** It also lasts until each has succeeded so often, */
  readonly successes: number
  /** but never longer than this. */
  readonly mostMs: number
}

export interface Phase {
  readonly done: number
  /** What went wrong, and how often. */
  readonly errors: ReadonlyMap<string, number>
  /** Milliseconds of those that succeeded. */
  readonly p99: number
}

export const GOOD_CLIENTS = 50
const PAUSE_MS = 300

/** Clients with small transfers of all kinds, nobody's fault among them. */
export function goodClients(world: World): Work[] {
  const random = new Random(50)
  let next = 0
  return Array.from({ length: GOOD_CLIENTS }, () => async () => {
    const plan = goodPlan(next++, random)
    const verdict = await transfer(plan, world)
    if (verdict.kind === 'complete') return undefined
    if (verdict.kind === 'violation') return verdict.what
    return verdict.kind === 'failed' ? verdict.why : verdict.kind
  })
}

function goodPlan(id: number, random: Random): Plan {
  const kind = random.pick(KINDS)
  const upload = random.chance(0.3) ? random.between(2, 2_000) : 0
  return {
    id,
    kind,
    route: random.chance(0.75) ? 'upstream' : 'direct',
    fault: undefined,
    upload,
    download: random.between(2, 4_000),
    method: upload > 0 ? 'PUT' : 'GET',
    version: '1.1',
    uploadFraming: 'length',
    expectContinue: false,
    keepAlive: random.chance(0.6),
    cut: 0,
  }
}

/** Does all works over and over at the same time. */
export async function phase(
  works: readonly Work[],
  duration: Duration,
  signal: AbortSignal,
): Promise<Phase> {
  const start = performance.now()
  const errors = new Map<string, number>()
  const times: number[] = []
  const successes = works.map(() => 0)
  const goesOn = (): boolean => {
    if (signal.aborted) return false
    const ms = performance.now() - start
    if (ms < duration.ms) return true
    return ms < duration.mostMs && successes.some(count => count < duration.successes)
  }
  const repeat = async (work: Work, index: number): Promise<void> => {
    while (goesOn()) {
      const began = performance.now()
      const error = await work()
      if (error === undefined) {
        successes[index]!++
        times.push(performance.now() - began)
      } else errors.set(error, (errors.get(error) ?? 0) + 1)
      await sleep(PAUSE_MS)
    }
  }
  await Promise.all(works.map(repeat))
  const starved = successes.filter(count => count < duration.successes).length
  if (starved > 0 && !signal.aborted) errors.set('starved', starved)
  times.sort((one, other) => one - other)
  return { done: times.length, errors, p99: times[Math.floor(times.length * 0.99)] ?? NaN }
}
