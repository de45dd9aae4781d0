import t from 'tap'
import { GOOD_CLIENTS } from './good-clients.ts'
import { runStorm } from './run-storm.ts'
import { STORMS } from './storms.ts'

/** Long enough for what is harmed at once; `npm run chaos -- --long` has a minute of each, and tells what it costs the others. */
const DURATIONS = {
  calm: { ms: 0, successes: 1, mostMs: 40_000 },
  stormy: { ms: 2_000, successes: 3, mostMs: 40_000 },
}

t.jobs = 4
// What is harmed is waited for: half a minute when all is well.
t.setTimeout(600_000)

for (const storm of STORMS) {
  t.test(
    `${GOOD_CLIENTS} clients are served beside: ${storm.name}`,
    { buffered: true },
    async t => {
      const { harm, stormy } = await runStorm(storm, 1, DURATIONS)
      t.same(harm, [])
      t.ok((stormy?.done ?? 0) >= 3 * GOOD_CLIENTS)
    },
  )
}
