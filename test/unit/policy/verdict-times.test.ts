import t from 'tap'
import { VerdictTimes } from '../../../src/policy/verdict-times.ts'

t.test('a logon is slow after four times the usual, within bounds', async t => {
  const times = new VerdictTimes({ least: 200, most: 1_000 })
  t.equal(times.slowAfterMs, 1_000, 'nothing is known yet')
  times.note(20)
  t.equal(times.slowAfterMs, 200)
  for (let round = 0; round < 50; round++) times.note(100)
  t.equal(Math.round(times.slowAfterMs), 400, 'what is usual may change')
  times.note(900)
  t.equal(Math.round(times.slowAfterMs), 800, 'one that is late does not change much')
  for (let round = 0; round < 50; round++) times.note(2_600)
  t.equal(times.slowAfterMs, 1_000)
})
