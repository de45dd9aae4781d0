import t from 'tap'
import { runStorm } from './run-storm.ts'
import { STORMS } from './storms.ts'

/** Long enough for each good client to succeed; `npm run chaos` has longer storms, and Workers 2. */
const DURATIONS = {
  calm: { ms: 500, successes: 1, mostMs: 20_000 },
  stormy: { ms: 1_500, successes: 1, mostMs: 40_000 },
}

/** Each file of storms has a third of them, because tap limits the time of a file. */
const PARTS = 3

/** Tests a part of the storms. @param part from 0. */
export function testStorms(part: number): void {
  for (const storm of STORMS.filter((_, index) => index % PARTS === part)) {
    t.test(`fifty clients are not harmed by ${storm.name}`, async t => {
      const { after, harm } = await runStorm(storm, 1, DURATIONS)
      t.same(harm, [])
      t.ok(after, 'the storm came to its end')
    })
  }
}
