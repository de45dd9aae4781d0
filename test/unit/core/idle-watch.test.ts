import t from 'tap'
import { IdleWatch } from '../../../src/core/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

function start(idleMs: number) {
  const clock = new FakeClock()
  const calls: number[] = []
  return { clock, calls, watch: new IdleWatch(clock, idleMs, () => calls.push(clock.now())) }
}

t.test('it calls back once when nothing moved for the whole time', async t => {
  const { clock, calls, watch } = start(100)
  watch.start()
  clock.advance(60)
  watch.moved()
  clock.advance(90)
  t.same(calls, [])
  clock.advance(200)
  t.same(calls, [160])
  t.equal(clock.pendingTimers, 0)
})

t.test('what is stopped does not count, and a new start counts from then on', async t => {
  const { clock, calls, watch } = start(100)
  watch.start()
  clock.advance(60)
  watch.stop()
  clock.advance(500)
  watch.start()
  clock.advance(99)
  t.same(calls, [])
  clock.advance(1)
  t.same(calls, [660])
})

t.test('with 0 it never calls back', async t => {
  const { clock, calls, watch } = start(0)
  watch.start()
  t.equal(clock.pendingTimers, 0)
  clock.advance(1e9)
  t.same(calls, [])
})
