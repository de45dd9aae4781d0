import t from 'tap'
import { LogonHabits } from '../../../src/upstream/logon-habits.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

t.test('an upstream that never answered a check is sent none after one broke', async t => {
  const habits = new LogonHabits(new FakeClock(), true)
  t.ok(habits.answersChecks)
  habits.noteBrokenCheck()
  t.notOk(habits.answersChecks)
})

t.test('one that has answered checks is sent none after three in a row broke', async t => {
  const clock = new FakeClock()
  const habits = new LogonHabits(clock, true)
  habits.noteAnsweredCheck()
  for (let round = 0; round < 5; round++) {
    habits.noteBrokenCheck()
    habits.noteBrokenCheck()
    t.ok(habits.hasAnsweredChecks, 'two are an accident')
    habits.noteAnsweredCheck()
  }
  for (let broken = 0; broken < 3; broken++) habits.noteBrokenCheck()
  t.notOk(habits.answersChecks)
  clock.advance(3_600_000)
  t.ok(habits.answersChecks, 'an hour later it is sent one again')
  t.notOk(habits.hasAnsweredChecks)
})
