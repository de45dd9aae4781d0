import fc from 'fast-check'
import t from 'tap'
import { NEVER_CANCELLED } from '../../src/core/index.ts'
import { AccountLedger, LockoutGuard, LOGON_WINDOW_MS } from '../../src/policy/index.ts'
import { GuardGate } from '../../src/upstream/guard-gate.ts'
import { FakeClock } from '../harness/fake-clock.ts'
import { linkGate } from '../unit/workers/linked-gates.ts'

const SEED = 20261125

/** A directory: it knows how often it saw the password, and when that stops to be the right one. */
class Directory {
  sent = 0
  rejected = 0
  readonly #validFor: number

  constructor(validFor: number) {
    this.#validFor = validFor
  }

  send(): 'accepted' | 'refused' {
    this.sent++
    if (this.sent <= this.#validFor) return 'accepted'
    this.rejected++
    return 'refused'
  }
}

/** Logons of several processes at once; a message takes as long as the plan says, and one never overtakes another. */
async function run(workers: number, logons: number, validFor: number, delays: readonly number[]) {
  const clock = new FakeClock()
  const directory = new Directory(validFor)
  const near = new GuardGate({
    guard: new LockoutGuard({
      ledger: new AccountLedger({ budget: 2, windowMs: LOGON_WINDOW_MS }),
    }),
    clock,
    account: 'CORP\\alice',
    origin: '',
    save: () => undefined,
    onProven: () => undefined,
    onTripped: () => undefined,
    onUnlocked: () => undefined,
    onMisread: () => undefined,
    onDoubted: () => undefined,
    onSlow: () => undefined,
  })
  let step = 0
  const gates = Array.from({ length: workers }, () => {
    const queue: (() => void)[] = []
    const pump = async (): Promise<void> => {
      for (let turn = delays[step++ % delays.length] ?? 0; turn > 0; turn--)
        await new Promise(resolve => setImmediate(resolve))
      queue.shift()?.()
      if (queue.length > 0) void pump()
    }
    return linkGate(near, clock, {
      deliver: message => {
        queue.push(message)
        if (queue.length === 1) void pump()
      },
    }).gate
  })
  const outcomes = await Promise.allSettled(
    Array.from({ length: logons }, async (_, index) => {
      const pass = await gates[index % workers]!.enter(NEVER_CANCELLED, { ride: true, check: true })
      try {
        await pass.beforeSending()
        await pass.report(directory.send(), 'a:1')
      } finally {
        void pass.report('not-sent', 'a:1')
      }
    }),
  )
  return { directory, refused: outcomes.filter(({ status }) => status === 'rejected').length }
}

const plan = fc.array(fc.nat(4), { minLength: 1, maxLength: 12 })

t.test('a wrong password is sent once, whatever the number of processes', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 50 }),
      plan,
      async (workers, logons, delays) => {
        const { directory, refused } = await run(workers, logons, 0, delays)
        t.equal(directory.sent, 1)
        t.equal(refused, logons - 1)
      },
    ),
    { seed: SEED, numRuns: 60 },
  )
})

t.test('a right one serves all', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 50 }),
      plan,
      async (workers, logons, delays) => {
        const { directory, refused } = await run(workers, logons, Infinity, delays)
        t.equal(directory.sent, logons)
        t.equal(refused, 0)
      },
    ),
    { seed: SEED, numRuns: 60 },
  )
})
