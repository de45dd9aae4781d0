import t from 'tap'
import type { ProxyEvent, RequestId, SessionId } from '../../../src/core/index.ts'
import { createStatistics } from '../../../src/observe/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { requestFinished } from './request-finished.ts'

const A = '10.0.0.41:8080'
const B = '10.0.0.42:8080'

const started: ProxyEvent = {
  type: 'service.started',
  listeners: ['127.0.0.1:3128'],
  upstreams: [A, B],
}

const dialed = (upstream: string, ms: number): ProxyEvent => ({
  type: 'session.dialed',
  session: 1 as SessionId,
  upstream,
  ms,
})

function counted(...events: readonly ProxyEvent[]) {
  const clock = new FakeClock()
  const statistics = createStatistics(clock)
  for (const event of events) statistics.emit(event)
  return { clock, ...statistics, ...statistics.snapshot() }
}

t.test('requests, tunnels and bytes add up', async t => {
  const { requests, tunnels, routes, bytesIn, bytesOut } = counted(
    requestFinished({ bytesIn: 1, bytesOut: 2 }),
    requestFinished({ bytesIn: 10, bytesOut: 20, isTunnel: false, route: 'direct' }),
    requestFinished({ bytesIn: 100, bytesOut: 200, isTunnel: false, route: 'none' }),
  )
  t.strictSame(
    { requests, tunnels, routes, bytesIn, bytesOut },
    {
      requests: 3,
      tunnels: 1,
      routes: { direct: 1, upstream: 1, none: 1 },
      bytesIn: 111,
      bytesOut: 222,
    },
  )
})

t.test('failures are counted by code; the last ones are kept, the youngest first', async t => {
  const { emit, snapshot } = counted(
    requestFinished({ error: 'CLIENT_ABORTED' }),
    requestFinished({ error: 'DIAL_REFUSED', detail: 'first', id: 'r0' as RequestId }),
  )
  for (let n = 1; n <= 25; n++)
    emit(requestFinished({ error: 'DIAL_TIMEOUT', detail: `${n}`, id: `r${n}` as RequestId }))
  const { failures, lastErrors } = snapshot()
  t.strictSame(failures, { CLIENT_ABORTED: 1, DIAL_REFUSED: 1, DIAL_TIMEOUT: 25 })
  t.equal(lastErrors.length, 20)
  t.match(lastErrors[0], {
    at: 1_700_000_000_000,
    code: 'DIAL_TIMEOUT',
    detail: '25',
    requestId: 'r25',
  })
  t.equal(lastErrors[19]?.detail, '6')
})

t.test('an upstream has its requests, failures and times', async t => {
  const { upstreams } = counted(
    started,
    requestFinished({ upstream: A }),
    requestFinished({ upstream: A, route: 'direct' }),
    dialed(A, 10),
    dialed(A, 30),
    {
      type: 'session.authenticated',
      session: 1 as SessionId,
      upstream: A,
      scheme: 'NTLM',
      dialect: 'NTLMv2',
      ms: 5,
    },
    { type: 'upstream.failed', upstream: B, error: 'DIAL_REFUSED', detail: 'nobody there' },
    { type: 'upstream.limited', upstream: B, status: 429, waitMs: 1 },
  )
  t.match(upstreams.get(A), {
    requests: 1,
    failures: 0,
    dials: { count: 2, totalMs: 40, lastMs: 30 },
    handshakes: { count: 1, totalMs: 5, lastMs: 5 },
  })
  t.match(upstreams.get(B), {
    requests: 0,
    failures: 1,
    limited: 1,
    lastFailure: { at: 1_700_000_000_000, code: 'DIAL_REFUSED', detail: 'nobody there' },
    dials: { count: 0, lastMs: undefined },
  })
})

t.test('web servers that are reached directly are no upstreams', async t => {
  t.equal(counted(started, dialed('example.com:443', 1)).upstreams.size, 2)
})

t.test(
  'of upstreams that a script names 64 are counted, and those of the configuration always',
  async t => {
    const { emit, snapshot } = counted(started)
    for (let n = 0; n < 100; n++) emit(requestFinished({ upstream: `p${n}:8080` }))
    const { upstreams } = snapshot()
    t.equal(upstreams.size, 66)
    t.ok(upstreams.has(A) && upstreams.has('p99:8080') && !upstreams.has('p35:8080'))
  },
)

t.test(
  'a reload keeps what was counted for an upstream, and one that was named by a script',
  async t => {
    const { upstreams } = counted(
      started,
      requestFinished({ upstream: A }),
      requestFinished({ upstream: 'pac:1' }),
      { type: 'config.loaded', listeners: [], upstreams: ['pac:1', A] },
    )
    t.equal(upstreams.get(A)?.requests, 1)
    t.equal(upstreams.get('pac:1')?.requests, 1)
    t.equal(upstreams.size, 3)
  },
)

t.test('clients that are refused and configurations that cannot be used are noted', async t => {
  const { clientsDenied, clientsMalformed, clientsRefused, refusedConfiguration } = counted(
    { type: 'client.denied', client: '1.2.3.4:5', rule: 'Deny *' },
    { type: 'client.refused', client: '1.2.3.4:5', limit: 'MaxWaiting', most: 1 },
    { type: 'client.malformed', client: '1.2.3.4:5', error: 'BAD_REQUEST', reason: 'x' },
    { type: 'config.rejected', issues: ['f:1: wrong'] },
  )
  t.equal(clientsDenied, 1)
  t.equal(clientsMalformed, 1)
  t.equal(clientsRefused, 1)
  t.strictSame(refusedConfiguration, { at: 1_700_000_000_000, problems: ['f:1: wrong'] })
})

t.test('a snapshot stays as it was', async t => {
  const { emit, snapshot } = counted(started, requestFinished({ upstream: A }))
  const before = snapshot()
  emit(requestFinished({ upstream: A, error: 'BUG' }))
  t.equal(before.requests, 1)
  t.equal(before.upstreams.get(A)?.requests, 1)
  t.strictSame(before.failures, {})
})
