import { runStorm } from './run-storm.ts'
import { STORMS } from './storms.ts'
const only = process.argv[2],
  workers = Number(process.argv[3] ?? 1)
for (const storm of STORMS.filter(({ name }) => only === undefined || name.includes(only))) {
  const t0 = performance.now()
  const r = await runStorm(storm, workers, {
    calm: { ms: 1000, successes: 1, mostMs: 15000 },
    stormy: { ms: 4000, successes: 3, mostMs: 15000 },
  })
  console.log(
    storm.name.padEnd(45),
    r.harm,
    r.calm?.done,
    r.stormy?.done,
    'p99',
    r.calm?.p99,
    r.stormy?.p99,
    JSON.stringify([r.before, r.after]),
    r.peak,
    Math.round(performance.now() - t0),
  )
}
