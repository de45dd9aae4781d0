import { setTimeout as sleep } from 'node:timers/promises'
import { judge, type Verdict } from './judge.ts'
import type { Plan } from './plan.ts'
import type { World } from './world.ts'

const PATIENCE_MS = 20_000

/** Makes a transfer and has it judged when both of its ends have seen the last of it. */
export async function transfer(plan: Plan, { client, origin }: World): Promise<Verdict> {
  origin.plans.set(plan.id, plan)
  try {
    const giveUp = new AbortController()
    const running = client.run(plan, giveUp.signal).catch((error: unknown) => String(error))
    const seen = await inTime(running)
    giveUp.abort()
    if (seen === undefined) return late('client')
    const attempts = origin.attempts.get(plan.id) ?? []
    if ((await inTime(Promise.all(attempts.map(({ done }) => done)))) === undefined)
      return late('origin')
    if (typeof seen === 'string') return { kind: 'failed', why: seen }
    return judge(plan, seen, attempts)
  } finally {
    origin.plans.delete(plan.id)
    origin.attempts.delete(plan.id)
  }
}

function late(who: string): Verdict {
  return { kind: 'violation', what: `the ${who} saw no end within ${PATIENCE_MS / 1000} s` }
}

async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  const over = new AbortController()
  const timeout = sleep(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined)
  const first = await Promise.race([work, timeout])
  over.abort()
  return first
}
