import yargs from 'yargs'
import { innocentFailures, runCampaign, violations } from './campaign.ts'
import { runStorm } from './run-storm.ts'
import { STORMS } from './storms.ts'

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run chaos --')
  .options({
    long: { type: 'boolean', default: false, describe: '10,000 transfers, a minute a storm' },
    transfers: { type: 'number', describe: 'how many for each number of workers' },
    seconds: { type: 'number', describe: 'how long a storm lasts' },
    seed: { type: 'number', default: 1, describe: 'another one gives other transfers' },
    workers: { type: 'number', array: true, default: [1, 2], describe: 'with so many Workers' },
    only: { type: 'string', array: true, describe: 'transfers, or storms whose name has this' },
  })
  .strict()
  .parseAsync()

const transfers = options.transfers ?? (options.long ? 5_000 : 500)
const seconds = options.seconds ?? (options.long ? 60 : 5)
const isChosen = (name: string): boolean => options.only?.some(part => name.includes(part)) ?? true
/** Growth of memory that garbage does not explain, in MiB for each process. */
const GROWTH = 100
let failed = 0

for (const workers of options.workers) {
  if (isChosen('transfers'))
    for (const weather of [false, true]) await campaign(workers, weather, Math.ceil(transfers / 2))
  for (const storm of STORMS.filter(({ name }) => isChosen(name))) {
    const report = await runStorm(storm, workers, {
      calm: { ms: options.long ? 10_000 : 2_000, successes: 1, mostMs: 30_000 },
      stormy: { ms: seconds * 1_000, successes: 3, mostMs: (seconds + 20) * 1_000 },
    })
    const { after, before, calm, harm, peak, stormy } = report
    const ratio = ((stormy?.p99 ?? NaN) / (calm?.p99 ?? NaN)).toFixed(1)
    tell(`storm of ${storm.name}, Workers ${workers}`, harm, [
      `${stormy?.done ?? 0} good transfers, their p99 ${ratio} times that without the storm`,
      `descriptors ${before?.descriptors} -> ${after?.descriptors}, memory ${before?.memory} -> ${after?.memory}, at most ${peak} MiB`,
    ])
  }
}
process.exitCode = failed === 0 ? 0 : 1

async function campaign(workers: number, weather: boolean, count: number): Promise<void> {
  const { seed } = options
  const { after, before, results } = await runCampaign({ seed, transfers: count, workers, weather })
  const processes = workers === 1 ? 1 : workers + 1
  const innocents = innocentFailures(results)
  const harm = violations(results)
  // In bad weather one of them may be unlucky more often than there are retries.
  if (!weather) harm.push(...innocents)
  if (after.memory > before.memory + GROWTH * processes) harm.push('the memory grows')
  const tally = (kind: string): number => results.filter(one => one.verdict.kind === kind).length
  tell(`transfers${weather ? ' with connections that break' : ''}, Workers ${workers}`, harm, [
    `${results.length}: ${tally('complete')} complete, ${tally('failed')} visibly failed, ${tally('left')} left by the client, ${tally('violation')} wrong`,
    `${innocents.length} of those without a fault of their own failed`,
    `descriptors ${before.descriptors} -> ${after.descriptors}, memory ${before.memory} -> ${after.memory} MiB`,
  ])
}

function tell(what: string, harm: readonly string[], figures: readonly string[]): void {
  if (harm.length > 0) failed++
  console.log(`${harm.length === 0 ? 'ok    ' : 'FAILED'} ${what}`)
  for (const line of figures) console.log(`         ${line}`)
  for (const line of harm.slice(0, 20)) console.log(`       ! ${line}`)
  if (harm.length > 20) console.log(`       ! and ${harm.length - 20} more`)
}
