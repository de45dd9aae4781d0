import t from 'tap'
import { innocentFailures, runCampaign, violations } from './campaign.ts'

/** The same every time, so that what fails can be seen again; `npm run chaos -- --long` has more. */
const SEED = 1
const TRANSFERS = 400

for (const workers of [1, 2]) {
  t.test(`every transfer is complete or visibly failed, with Workers ${workers}`, async t => {
    const report = await runCampaign({ seed: SEED, transfers: TRANSFERS, workers, weather: false })
    t.equal(report.results.length, TRANSFERS)
    t.same(violations(report.results), [])
    t.same(innocentFailures(report.results), [], 'whose ends did nothing wrong is complete')
  })
}

t.test(
  'every transfer is complete or visibly failed while connections to upstreams break',
  async t => {
    const report = await runCampaign({
      seed: SEED,
      transfers: TRANSFERS,
      workers: 1,
      weather: true,
    })
    t.same(violations(report.results), [])
    t.ok(innocentFailures(report.results).length < TRANSFERS / 50, 'retries hide nearly all of it')
  },
)
