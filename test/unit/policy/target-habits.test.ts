import t from 'tap'
import { TargetHabits } from '../../../src/policy/index.ts'

t.test('a target is expected when it was asked for three times within half a minute', async t => {
  const habits = new TargetHabits()
  habits.note('a:443', 0)
  habits.note('a:443', 10_000)
  t.notOk(habits.isExpected('a:443', 10_000))
  habits.note('a:443', 20_000)
  t.ok(habits.isExpected('a:443', 29_999))
  t.notOk(habits.isExpected('a:443', 30_000))
  habits.note('a:443', 31_000)
  t.ok(habits.isExpected('a:443', 31_000))
  t.notOk(habits.isExpected('b:443', 31_000))
  habits.forget('a:443')
  t.notOk(habits.isExpected('a:443', 31_000))
})

t.test('of many targets the one asked for longest ago is forgotten', async t => {
  const habits = new TargetHabits()
  for (let n = 0; n < 3; n++) habits.note('old:443', 0)
  for (let n = 0; n < 3; n++) habits.note('kept:443', 0)
  for (let n = 0; n < 63; n++) habits.note(`${n}:443`, 0)
  t.notOk(habits.isExpected('old:443', 0))
  t.ok(habits.isExpected('kept:443', 0))
})
