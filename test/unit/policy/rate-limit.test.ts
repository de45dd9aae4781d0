import t from 'tap'
import { isWorthWaiting, limitedWaitMs, triesLeft } from '../../../src/policy/index.ts'

t.test('a wait is what was demanded, a default, and never less than a moment', async t => {
  const cases: [demanded: number | undefined, wait: number][] = [
    [undefined, 5_000],
    [-60_000, 1_000],
    [0, 1_000],
    [999, 1_000],
    [7_000, 7_000],
    [3_600_000, 3_600_000],
  ]
  for (const [demanded, wait] of cases) t.equal(limitedWaitMs(demanded), wait, String(demanded))
})

t.test('what is left of five tries', async t => {
  for (const [tries, left] of [
    [1, 4],
    [4, 1],
    [5, 0],
    [6, 0],
  ] as const)
    t.equal(triesLeft(tries), left)
})

t.test('five tries, no wait longer than allowed, and no more of them together', async t => {
  const options = { maxWaitMs: 30_000, maxTotalMs: 50_000 }
  const cases: [waitMs: number, tries: number, waitedMs: number, goesOn: boolean][] = [
    [1_000, 1, 0, true],
    [1_000, 4, 3_000, true],
    [1_000, 5, 4_000, false],
    [30_000, 1, 0, true],
    [30_001, 1, 0, false],
    [30_000, 2, 20_000, true],
    [30_000, 2, 20_001, false],
  ]
  for (const [waitMs, tries, waitedMs, goesOn] of cases) {
    const name = `${waitMs} ms after ${tries} tries and ${waitedMs} ms`
    t.equal(isWorthWaiting({ waitMs, tries, waitedMs }, options), goesOn, name)
  }
  t.notOk(
    isWorthWaiting(
      { waitMs: 20_000, tries: 1, waitedMs: 0 },
      { maxWaitMs: 30_000, maxTotalMs: 10_000 },
    ),
    'the total bounds the first wait too',
  )
})
