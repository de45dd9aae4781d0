import t from 'tap'
import { HEALTH_DEFAULTS, UpstreamHealth } from '../../../src/policy/health.ts'

const SECOND = 1000

t.test('the cool-down doubles with each failure in a row, up to its limit', async t => {
  const health = new UpstreamHealth()
  let now = 5_000_000
  for (const seconds of [5, 10, 20, 40, 80, 120, 120, 120]) {
    t.ok(health.isAvailable(now))
    t.equal(health.failed(now), seconds * SECOND)
    t.notOk(health.isAvailable(now))
    t.notOk(health.isAvailable(now + seconds * SECOND - 1))
    now += seconds * SECOND
  }
  t.ok(health.isAvailable(now))
})

t.test('however often it fails, the cool-down stays a number', async t => {
  const health = new UpstreamHealth()
  for (let i = 0; i < 2000; i++) health.failed(0)
  t.equal(health.failed(7), HEALTH_DEFAULTS.maxCoolDownMs)
  t.ok(health.isAvailable(7 + HEALTH_DEFAULTS.maxCoolDownMs))
})

t.test('a probe that reaches it makes it available and keeps the count', async t => {
  const health = new UpstreamHealth()
  health.failed(0)
  health.failed(0)
  health.reachable()
  t.ok(health.isAvailable(1))
  t.equal(health.failures, 2)
  t.equal(health.failed(1), 20 * SECOND, 'it accepts connections and fails them')
})

t.test('a connection that breaks counts when the next one does too, within a minute', async t => {
  const health = new UpstreamHealth()
  t.equal(health.broke(1_000), false)
  t.equal(health.broke(61_000), true)
  t.equal(health.broke(122_000), false, 'after more than a minute')
  health.held()
  t.equal(health.broke(123_000), false, 'after one that was served')
  t.equal(health.broke(123_000), true)
  t.ok(health.isAvailable(123_000), 'what follows from that is not said here')
})

t.test('an answer to a request clears the count and tells whether there was one', async t => {
  const health = new UpstreamHealth({ firstCoolDownMs: 100, maxCoolDownMs: 300 })
  t.equal(health.succeeded(), false)
  t.strictSame([health.failed(0), health.failed(0), health.failed(0)], [100, 200, 300])
  t.equal(health.succeeded(), true)
  t.ok(health.isAvailable(0))
  t.equal(health.failures, 0)
  t.equal(health.succeeded(), false)
  t.equal(health.failed(0), 100)
})
