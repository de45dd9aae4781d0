import t from 'tap'
import { innocentFailures, type Result, runCampaign, violations } from './campaign.ts'
import { type FaultName, FAULTS } from './faults.ts'

/** The same every time, so that what fails can be seen again; `npm run chaos -- --long` has more. */
const SEED = 1
const TRANSFERS = 400

type Test = Pick<typeof t, 'same'>

/** One assertion for each fault: its name is what a failure is looked for by. */
function judgeAll(t: Test, results: readonly Result[]): void {
  for (const fault of [undefined, ...(Object.keys(FAULTS) as FaultName[])]) {
    const those = results.filter(({ plan }) => plan.fault === fault)
    t.same(violations(those), [], fault ?? 'no fault')
  }
}

for (const workers of [1, 2]) {
  t.test(`every transfer is complete or visibly failed, with Workers ${workers}`, async t => {
    const { results } = await runCampaign({
      seed: SEED,
      transfers: TRANSFERS,
      workers,
      weather: false,
    })
    t.equal(results.length, TRANSFERS)
    judgeAll(t, results)
    t.same(innocentFailures(results), [], 'where both ends did nothing wrong it is complete')
  })
}

t.test(
  'every transfer is complete or visibly failed while upstreams break connections',
  async t => {
    const { results } = await runCampaign({
      seed: SEED,
      transfers: TRANSFERS,
      workers: 1,
      weather: true,
    })
    judgeAll(t, results)
    t.ok(innocentFailures(results).length < TRANSFERS / 50, 'retries hide nearly all of it')
  },
)
