import t from 'tap'
import { History, sampleBetween } from '../../../src/admin/history.ts'
import type { Sample, StatusView } from '../../../src/admin/page/status-view.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { status, upstream } from './status-sample.ts'

const totals = (requests: number, failures: StatusView['totals']['failures'] = {}) => ({
  totals: { ...status().totals, requests, failures },
})
const time = { at: 10, seconds: 10 }

t.test('a sample has what happened since the one before', async t => {
  const before = status({
    ...totals(5, { DIAL_REFUSED: 1 }),
    upstreams: [
      upstream('a:8080', { handshakes: { count: 2, lastMs: 30, averageMs: 20 }, failures: 1 }),
      upstream('b:8080'),
      upstream('c:8080'),
    ],
  })
  const after = status({
    ...totals(15, { DIAL_REFUSED: 2, POOL_TIMEOUT: 1, CLIENT_ABORTED: 7 }),
    upstreams: [
      upstream('a:8080', { handshakes: { count: 4, lastMs: 50, averageMs: 30 }, failures: 2 }),
      upstream('b:8080'),
      upstream('c:8080', { health: 'down', failures: 1 }),
      upstream('d:8080', { namedBy: 'pac' }),
    ],
  })
  t.strictSame(sampleBetween(before, after, time), {
    ...time,
    requests: 10,
    failures: 2,
    handshakes: 2,
    handshakeMs: 40,
    upstreams: { 'a:8080': 'failed', 'b:8080': 'up', 'c:8080': 'down' },
  })
})

t.test('an upstream that a reload took away leaves no negative latency', async t => {
  const before = status({
    upstreams: [upstream('a:8080', { handshakes: { count: 9, lastMs: 1, averageMs: 900 } })],
  })
  const after = status({
    upstreams: [upstream('b:8080', { handshakes: { count: 1, lastMs: 1, averageMs: 5 } })],
  })
  t.equal(sampleBetween(before, after, time).handshakeMs, undefined)
})

t.test('an hour is kept, in samples of ten seconds', async t => {
  const clock = new FakeClock()
  const samples: Sample[] = []
  let requests = 0
  const history = new History({
    clock,
    status: () => status(totals(requests)),
    onSample: sample => void samples.push(sample),
  })
  clock.advance(60_000)
  t.equal(samples.length, 0, 'nothing runs before the start')
  history.start()
  history.start()
  for (let tick = 0; tick < 400; tick++) {
    requests += 3
    clock.advance(10_000)
  }
  t.equal(samples.length, 400)
  t.equal(history.samples.length, 360)
  t.match(history.samples.at(-1), { requests: 3, seconds: 10 })
  history.stop()
  clock.advance(60_000)
  t.equal(samples.length, 400)
})
