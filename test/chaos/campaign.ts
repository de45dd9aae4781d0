import { WEATHER } from './faults.ts'
import type { Verdict } from './judge.ts'
import { type Plan, planTransfer } from './plan.ts'
import type { Usage } from './program.ts'
import { Random } from './random.ts'
import { transfer } from './transfer.ts'
import { quiet, startWorld } from './world.ts'

export interface CampaignOptions {
  readonly seed: number
  readonly transfers: number
  readonly workers: number
  /** Whether upstreams break connections whoever uses them, besides the faults of single transfers. */
  readonly weather: boolean
}

export interface Result {
  readonly plan: Plan
  readonly verdict: Verdict
}

export interface CampaignReport {
  readonly results: readonly Result[]
  /** When all was closed after the first tenth of the transfers, and after the last one. */
  readonly before: Usage
  readonly after: Usage
}

const AT_ONCE = 48
/** Of the connections to an upstream. */
const BAD_WEATHER = 0.15

/** Random transfers, so many at once, through a program of their own. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const weather = new Random(options.seed)
  const world = await startWorld(['MaxSessions 64', `Workers ${options.workers}`])
  const results: Result[] = []
  let next = 0
  const upTo = async (count: number): Promise<void> => {
    const line = async (): Promise<void> => {
      while (next < count && world.program.ended() === undefined) {
        const id = next++
        // Each has numbers of its own, so that it is the same whenever its turn comes.
        const plan = planTransfer(id, new Random(options.seed * 1_000_003 + id))
        results.push({ plan, verdict: await transfer(plan, world) })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, line))
    const ended = world.program.ended()
    if (ended !== undefined) throw new Error(ended)
  }
  try {
    await upTo(Math.ceil(options.transfers / 10))
    const before = await quiet(world)
    if (options.weather)
      for (const upstream of world.upstreams)
        upstream.weather = () => (weather.chance(BAD_WEATHER) ? weather.pick(WEATHER) : undefined)
    await upTo(options.transfers)
    return { results, before, after: await quiet(world, before) }
  } finally {
    await world.stop()
  }
}

/** Those that are no fault of the client's, the origin's or the upstream's, and failed all the same. */
export function innocentFailures(results: readonly Result[]): string[] {
  return results.flatMap(({ plan, verdict }) =>
    plan.fault === undefined && verdict.kind === 'failed' ? [`${name(plan)}: ${verdict.why}`] : [],
  )
}

export function violations(results: readonly Result[]): string[] {
  return results.flatMap(({ plan, verdict }) =>
    verdict.kind === 'violation' ? [`${name(plan)}: ${verdict.what}`] : [],
  )
}

function name({ fault, id, kind, route }: Plan): string {
  return `transfer ${id}, ${kind} ${route}, ${fault ?? 'no fault'}`
}
