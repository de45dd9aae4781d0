import t from 'tap'
import { readinessOf } from '../../../src/admin/readiness.ts'
import { status, upstream } from './status-sample.ts'

const account = {
  name: 'CORP\\alice',
  until: undefined,
  text: 'the password was rejected by a:8080',
}

t.test('it is ready while one upstream is usable, or none is needed', async t => {
  const [a, b] = [upstream('a:8080', { health: 'down' }), upstream('b:8080')]
  t.strictSame(readinessOf(status({ upstreams: [a, b] })), { isReady: true, reasons: [] })
  t.strictSame(readinessOf(status({ upstreams: [], account: undefined })).isReady, true)
  t.strictSame(readinessOf(status({ account: { ...account, state: 'unproven' } })).isReady, true)
})

t.test('a proxy that only the Pac script names is not what readiness hangs on', async t => {
  const named = upstream('c:8080', { health: 'down', namedBy: 'pac' })
  t.ok(readinessOf(status({ upstreams: [named] })).isReady)
})

t.test('it says why it is not ready', async t => {
  const lastFailure = { at: 0, code: 'DIAL_REFUSED', detail: undefined }
  const down = [
    upstream('a:8080', { health: 'down', lastFailure }),
    upstream('b:8080', { health: 'down' }),
  ]
  const waiting = [{ address: 'docker0:3128', reason: 'there is no such interface' }]
  const cases = [
    [status({ state: 'starting' }), 'the ports are not bound yet'],
    [status({ state: 'draining' }), 'it is stopping'],
    [
      status({ listeners: { bound: [], waiting } }),
      'no port is bound: docker0:3128 (there is no such interface)',
    ],
    [status({ upstreams: down }), 'no upstream proxy is usable: a:8080 (DIAL_REFUSED), b:8080'],
    [status({ account: { ...account, state: 'rejected' } }), 'the password was rejected by a:8080'],
    [
      status({ account: { ...account, state: 'unanswered', text: 'it was never answered' } }),
      'it was never answered',
    ],
  ] as const
  for (const [given, reason] of cases)
    t.strictSame(readinessOf(given), { isReady: false, reasons: [reason] }, reason)
})

t.test(
  'a password that is kept back does not matter where every request goes directly',
  async t => {
    const rejected = { ...account, state: 'rejected' } as const
    t.ok(readinessOf(status({ upstreams: [], account: rejected })).isReady)
  },
)
