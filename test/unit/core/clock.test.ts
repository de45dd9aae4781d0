import t from 'tap'
import { systemClock } from '../../../src/core/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

t.test(
  'the clock of the system moves on, fires timers once and forgets cancelled ones',
  async t => {
    const start = systemClock.now()
    let cancelledFired = 0
    let fired = 0
    const cancelled = systemClock.setTimer(1, () => cancelledFired++)
    cancelled.cancel()
    cancelled.cancel()
    // The timers are no reason for the process to live on, so something else has to be one.
    const alive = setInterval(() => undefined, 1000)
    const timer = await new Promise(resolve => {
      const own = systemClock.setTimer(5, () => {
        fired++
        resolve(own)
      })
    })
    clearInterval(alive)
    t.match(timer, { cancel: Function })
    t.equal(fired, 1)
    t.equal(cancelledFired, 0)
    t.ok(systemClock.now() > start)
    t.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000)
  },
)

t.test('its timers do not keep the process alive', async t => {
  const timeouts = (): number =>
    process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timeouts()
  const timer = systemClock.setTimer(60_000, () => undefined)
  t.equal(timeouts(), before)
  timer.cancel()
})

t.test('the clock of the tests moves when told, and fires what falls due in order', async t => {
  const clock = new FakeClock(1000)
  const log: string[] = []
  const note = (name: string) => () => void log.push(`${name} at ${clock.now()} ${clock.wallMs()}`)
  clock.setTimer(30, note('c'))
  clock.setTimer(10, note('a'))
  clock.setTimer(10, note('b'))
  clock.setTimer(15, () => {
    note('outer')()
    clock.setTimer(5, note('inner'))
    clock.setTimer(100, note('late'))
  })
  const cancelled = clock.setTimer(12, note('cancelled'))
  cancelled.cancel()
  t.equal(clock.pendingTimers, 4)
  clock.advance(9)
  t.strictSame(log, [])
  clock.advance(21)
  t.strictSame(log, [
    'a at 10 1010',
    'b at 10 1010',
    'outer at 15 1015',
    'inner at 20 1020',
    'c at 30 1030',
  ])
  t.equal(clock.now(), 30)
  t.equal(clock.wallMs(), 1030)
  t.equal(clock.pendingTimers, 1)
})
