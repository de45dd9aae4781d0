import t from 'tap'
import type { Sample } from '../../../../src/admin/page/status-view.ts'
import {
  describeGuard,
  describeHealth,
  describeHour,
  describeReadiness,
  describeSessions,
  formatBytes,
  formatDuration,
  formatLatency,
  formatRate,
} from '../../../../src/admin/page/words.ts'
import { upstream } from '../status-sample.ts'

t.test('a duration is told in its two largest units', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [-5, '0 s'],
    [999, '0 s'],
    [7_400, '7 s'],
    [61_000, '1 min 1 s'],
    [7_200_000, '2 h'],
    [86_400_000 * 3 + 3_600_000 * 4, '3 d 4 h'],
    [86_400_000 * 400, '400 d'],
  ]
  for (const [ms, expected] of cases) t.equal(formatDuration(ms), expected)
})

t.test('bytes, rates and latencies have few digits', async t => {
  for (const [bytes, expected] of [
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [500 * 1024, '500 KiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
    [5000 * 1024 ** 4, '5000 TiB'],
  ] as const)
    t.equal(formatBytes(bytes), expected)
  t.strictSame([formatRate(0), formatRate(2.345), formatRate(123.4)], ['0.0', '2.3', '123'])
  t.strictSame([undefined, 0.4, 12.3, 1234].map(formatLatency), ['-', '0 ms', '12 ms', '1.2 s'])
})

t.test('states are told in words', async t => {
  t.equal(describeReadiness({ isReady: true, reasons: [] }), 'Ready')
  t.equal(describeReadiness({ isReady: false, reasons: ['a', 'b'] }), 'Not ready: a; b')
  t.equal(describeSessions(upstream('a:1')), 'none')
  const sessions = { idle: 2, spare: 1, busy: 0, connecting: 1, waiting: 0 }
  t.equal(describeSessions(upstream('a:1', { sessions })), '2 idle (1 made ahead), 1 connecting')
  t.equal(describeHealth(upstream('a:1'), 0), 'available')
  const down = upstream('a:1', { health: 'down', downUntil: 65_000 })
  t.equal(describeHealth(down, 5_000), 'down for 1 min')
  t.equal(describeHealth({ ...down, downUntil: undefined }, 0), 'down, being checked')
})

t.test('the guard names the time of day at which a password is sent again', async t => {
  t.match(describeGuard(undefined), /no account/)
  const text =
    'the password was rejected; it is not sent again for 1782 s; a corrected one is sent at once'
  const account = { name: 'CORP\\alice', state: 'rejected', text } as const
  t.equal(
    describeGuard({ ...account, until: new Date(2026, 0, 1, 6, 1, 9).getTime() }),
    'CORP\\alice: the password was rejected; it is not sent again until 06:01:09; a corrected one is sent at once.',
  )
  t.equal(describeGuard({ ...account, until: undefined }), `CORP\\alice: ${text}.`)
})

t.test('the health of an hour is told in shares', async t => {
  const sample = (health: Sample['upstreams'][string]): Sample => ({
    at: 0,
    seconds: 10,
    requests: 0,
    failures: 0,
    handshakes: 0,
    handshakeMs: undefined,
    upstreams: { a: health },
  })
  t.equal(describeHour([], 'a'), 'no samples yet')
  t.equal(describeHour([sample('up')], 'b'), 'no samples yet')
  const samples = [sample('up'), sample('up'), sample('failed'), sample('down')]
  t.equal(describeHour(samples, 'a'), 'last 40 s: up 50%, failed 25%, down 25%')
})
