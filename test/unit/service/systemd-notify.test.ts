import t from 'tap'
import { createNotifier, type Notifier } from '../../../src/service/index.ts'
import { watchdogIntervalMs } from '../../../src/service/systemd-notify.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

interface Told {
  readonly notifier: Notifier
  readonly clock: FakeClock
  readonly messages: (readonly string[])[]
  readonly failures: string[]
}

function tell(env: Record<string, string>, delivers = true): Told {
  const clock = new FakeClock()
  const messages: (readonly string[])[] = []
  const failures: string[] = []
  const notifier = createNotifier({
    env,
    pid: 42,
    clock,
    send: async assignments => {
      messages.push(assignments)
      if (!delivers) throw new Error('spawn systemd-notify ENOENT')
    },
    monotonicUs: () => 1234n,
    onFailure: reason => failures.push(reason),
  })
  return { notifier, clock, messages, failures }
}

const SOCKET = { NOTIFY_SOCKET: '/run/systemd/notify' }

t.test('systemd is told each step in the words of sd_notify(3)', async t => {
  const { notifier, messages, failures } = tell(SOCKET)
  await notifier.ready('listening on\n127.0.0.1:3128')
  await notifier.status('waiting for docker0')
  await notifier.reloading()
  await notifier.ready('reloaded')
  await notifier.stopping(30_000)
  t.strictSame(messages, [
    ['READY=1', 'STATUS=listening on 127.0.0.1:3128'],
    ['STATUS=waiting for docker0'],
    ['RELOADING=1', 'MONOTONIC_USEC=1234'],
    ['READY=1', 'STATUS=reloaded'],
    ['STOPPING=1', 'EXTEND_TIMEOUT_USEC=40000000'],
  ])
  t.strictSame(failures, [])
})

t.test('without a listener nothing is sent and no timer runs', async t => {
  const envs = [{}, { NOTIFY_SOCKET: '' }, { WATCHDOG_USEC: '60000000' }]
  for (const env of envs) {
    const { notifier, clock, messages } = tell(env)
    await notifier.ready('listening')
    await notifier.stopping(0)
    t.strictSame(messages, [])
    t.equal(clock.pendingTimers, 0)
  }
})

t.test('the watchdog is notified at half its time, once the service is ready', async t => {
  const { notifier, clock, messages } = tell({ ...SOCKET, WATCHDOG_USEC: '60000000' })
  clock.advance(60_000)
  t.strictSame(messages, [])
  await notifier.ready('listening')
  await notifier.ready('reloaded')
  const before = messages.length
  for (let ticks = 0; ticks < 3; ticks++) {
    clock.advance(30_000)
    await notifier.status('tick')
  }
  const signs = messages.slice(before).filter(([first]) => first === 'WATCHDOG=1')
  t.equal(signs.length, 3)
  t.equal(clock.pendingTimers, 1)
})

t.test('whom the watchdog watches, and how often', async t => {
  const cases: [env: Record<string, string>, ms: number | undefined][] = [
    [{}, undefined],
    [{ WATCHDOG_USEC: '0' }, undefined],
    [{ WATCHDOG_USEC: 'soon' }, undefined],
    [{ WATCHDOG_USEC: '60000000' }, 30_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '42' }, 30_000],
    [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '41' }, undefined],
    [{ WATCHDOG_USEC: '1' }, 1],
  ]
  for (const [env, ms] of cases) t.equal(watchdogIntervalMs(env, 42), ms, JSON.stringify(env))
})

t.test('what cannot be delivered is said once and stops nothing', async t => {
  const { notifier, messages, failures } = tell(SOCKET, false)
  await notifier.ready('listening')
  await notifier.stopping(0)
  t.equal(messages.length, 2)
  t.strictSame(failures, ['spawn systemd-notify ENOENT'])
})
