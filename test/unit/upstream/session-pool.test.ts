import t from 'tap'
import { type ErrorCode, ProxyError } from '../../../src/core/index.ts'
import type { Spare } from '../../../src/upstream/lease.ts'
import type { PoolOptions } from '../../../src/upstream/pool-options.ts'
import { SecondHandError } from '../../../src/upstream/second-hand-error.ts'
import { SessionPool } from '../../../src/upstream/session-pool.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { WireEnd } from '../../harness/wire.ts'

const NEVER = new AbortController().signal

function start(options: Partial<PoolOptions> = {}) {
  const clock = new FakeClock()
  const recorder = new EventRecorder()
  const ends: WireEnd[] = []
  let ids = 0
  const pool = new SessionPool({
    label: 'proxy.test:8080',
    clock,
    emit: recorder.emit,
    nextId: () => ++ids,
    dial: async () => {
      const [near, far] = WireEnd.pair()
      far.on('error', () => undefined)
      ends.push(far)
      return near
    },
    maxSessions: 10,
    maxConnecting: 4,
    idleMs: 1_000,
    waitMs: 5_000,
    maxWaiting: 1_000,
    ...options,
  })
  return { pool, clock, recorder, ends }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('a session that was released ready is lent again, the youngest first', async t => {
  const { pool } = start()
  const [first, second] = [await pool.acquire(NEVER), await pool.acquire(NEVER)]
  for (const lease of [first, second]) {
    t.notOk(lease.wasReady)
    lease.markReady()
    lease.release()
  }
  const again = await pool.acquire(NEVER)
  t.equal(again.session, second.session)
  t.ok(again.wasReady)
  t.equal(again.session.uses, 1)
  t.equal(
    (await pool.acquire(NEVER, { wantsFresh: true })).wasReady,
    false,
    'a fresh one is made where one is wanted',
  )
})

t.test('a session that is not ready, or not idle, is closed when it comes back', async t => {
  const { pool, recorder } = start()
  const unready = await pool.acquire(NEVER)
  unready.release()
  t.ok(unready.session.connection.isClosed)
  const busy = await pool.acquire(NEVER)
  busy.markReady()
  void busy.session.connection
    .send({ method: 'GET', target: '/', headers: [] }, undefined, { timeoutMs: 1, signal: NEVER })
    .catch(() => undefined)
  busy.release()
  t.ok(busy.session.connection.isClosed)
  t.same(pool.counts, { idle: 0, spare: 0, busy: 0, connecting: 0, waiting: 0 })
  t.equal(recorder.count('session.closed'), 2)
})

t.test('a lease is ended once; discarding it again does nothing', async t => {
  const { pool } = start()
  const lease = await pool.acquire(NEVER)
  lease.markReady()
  lease.release()
  lease.discard()
  t.notOk(lease.session.connection.isClosed, 'it may be lent to somebody else already')
  t.throws(() => lease.release(), { code: 'BUG' })
  t.throws(() => lease.detach(), { code: 'BUG' })
})

t.test('a detached stream leaves the pool with what was already read', async t => {
  const { pool, ends } = start()
  const lease = await pool.acquire(NEVER)
  const answer = lease.session.connection.send(
    { method: 'CONNECT', target: 'a:1', headers: [] },
    undefined,
    { timeoutMs: 1_000, signal: NEVER },
  )
  ends[0]?.write('HTTP/1.1 200 OK\r\n\r\nfirst')
  t.same((await answer).framing, { kind: 'tunnel' })
  const { stream, leftover } = lease.detach()
  t.equal(leftover?.toString(), 'first')
  t.same(pool.counts, { idle: 0, spare: 0, busy: 0, connecting: 0, waiting: 0 })
  pool.destroy()
  t.notOk(stream.destroyed, 'it is nothing of the pool any more')
})

t.test('not more are made at once than allowed, and not more in all', async t => {
  const { pool, ends } = start({ maxSessions: 3, maxConnecting: 2 })
  const leases = Array.from({ length: 5 }, () => pool.acquire(NEVER))
  await turn()
  t.same(pool.counts, { idle: 0, spare: 0, busy: 2, connecting: 2, waiting: 3 })
  const first = await leases[0]!
  first.markConnected()
  await turn()
  t.equal(ends.length, 3, 'what only waits for its answer makes room for the next')
  const second = await leases[1]!
  second.markReady()
  second.release()
  t.equal((await leases[3]!).session, second.session, 'who waits gets what is released')
  first.discard(new ProxyError('UPSTREAM_CLOSED'))
  await leases[4]
  t.equal(ends.length, 4, 'and a place that is free is used')
})

t.test('idle sessions give way to a fresh one that has no room', async t => {
  const { pool, ends } = start({ maxSessions: 2 })
  for (const lease of [await pool.acquire(NEVER), await pool.acquire(NEVER)]) {
    lease.markReady()
    lease.release()
  }
  const fresh = await Promise.all([
    pool.acquire(NEVER, { wantsFresh: true }),
    pool.acquire(NEVER, { wantsFresh: true }),
  ])
  t.equal(ends.length, 4)
  t.same(pool.counts, { idle: 0, spare: 0, busy: 2, connecting: 2, waiting: 0 })
  for (const lease of fresh) lease.discard()
})

t.test(
  'who waits is told when the time is over, when it leaves, and when the pool closes',
  async t => {
    const { pool, clock } = start({ maxSessions: 1 })
    const lease = await pool.acquire(NEVER)
    const abort = new AbortController()
    const late = pool.acquire(NEVER)
    clock.advance(2_000)
    const leaving = pool.acquire(abort.signal)
    const staying = pool.acquire(NEVER)
    abort.abort()
    await t.rejects(leaving, { code: 'CLIENT_ABORTED' })
    clock.advance(3_001)
    await t.rejects(late, { code: 'POOL_TIMEOUT', status: 503 })
    t.equal(pool.counts.waiting, 1)
    pool.destroy()
    await t.rejects(staying, { code: 'DRAINING' })
    await t.rejects(pool.acquire(NEVER), { code: 'DRAINING' })
    await t.rejects(pool.acquire(abort.signal), { code: 'DRAINING' })
    lease.markReady()
    lease.release()
    t.ok(lease.session.connection.isClosed, 'a closed pool keeps nothing')
    t.equal(clock.pendingTimers, 0)
  },
)

/** Dials end when the test says so. */
function startDialling(options: Partial<PoolOptions>) {
  const dials: { open: () => void; fail: (code?: ErrorCode) => void }[] = []
  const dial = (): Promise<WireEnd> =>
    new Promise((resolve, reject) =>
      dials.push({
        open: () => resolve(WireEnd.pair()[0]),
        fail: (code = 'DIAL_REFUSED') => reject(new ProxyError(code)),
      }),
    )
  return { ...start({ dial, ...options }), dials }
}

t.test('a dial that fails fails the request it was made for, and nobody else', async t => {
  const { pool, dials } = startDialling({ maxConnecting: 2 })
  const asked = Array.from({ length: 6 }, () => pool.acquire(NEVER))
  dials[0]?.fail()
  await t.rejects(asked[0]!, { code: 'DIAL_REFUSED' })
  t.match(pool.counts, { connecting: 1, waiting: 4 }, 'what becomes of the other one tells more')
  dials[1]?.open()
  const served = await asked[1]!
  served.markReady()
  for (let n = 2; n < 6; n++) {
    await turn()
    dials[n]?.open()
    ;(await asked[n]!).markReady()
  }
  t.equal(dials.length, 6)
})

t.test('when nothing is left to try all who wait are told together', async t => {
  const { pool, dials } = startDialling({ maxConnecting: 3 })
  const asked = Array.from({ length: 20 }, () => pool.acquire(NEVER))
  const ends = Promise.allSettled(asked)
  dials[0]?.fail('DIAL_TIMEOUT')
  dials[1]?.fail('DIAL_TIMEOUT')
  await turn()
  t.match(pool.counts, { connecting: 1, waiting: 17 })
  dials[2]?.fail('DIAL_TIMEOUT')
  for (const end of await ends) {
    t.match(end, { status: 'rejected', reason: { code: 'DIAL_TIMEOUT' } })
  }
  const secondHand = await Promise.all(asked.map(one => one.catch((error: unknown) => error)))
  t.equal(secondHand.filter(error => error instanceof SecondHandError).length, 17)
  t.equal(dials.length, 3, 'nobody finds out once more')

  const next = pool.acquire(NEVER)
  const behind = pool.acquire(NEVER)
  t.equal(dials.length, 4, 'one finds out whether it is back')
  dials[3]?.open()
  ;(await next).markReady()
  await turn()
  dials[4]?.open()
  t.ok(await behind)
})

t.test('who is served elsewhere moves on when the upstream is down, also from a dial', async t => {
  const { pool, dials } = startDialling({ maxConnecting: 1 })
  const mobile = { hasElsewhere: () => true }
  const moving = [pool.acquire(NEVER, mobile), pool.acquire(NEVER, mobile)]
  const staying = pool.acquire(NEVER)
  pool.moveOn(new ProxyError('DIAL_TIMEOUT'))
  for (const one of moving) await t.rejects(one, { code: 'DIAL_TIMEOUT', isFinal: false })
  t.equal(pool.counts.waiting, 1)
  dials[0]?.open()
  t.notOk((await staying).wasReady, 'the connection that was being made is not for nothing')
})

t.test('clients have turns, and the busiest gives way where the line is full', async t => {
  const { pool } = start({ maxSessions: 1, maxWaiting: 4 })
  const served: string[] = []
  const ask = (name: string, client: string): Promise<void> =>
    pool.acquire(NEVER, { client }).then(lease => {
      served.push(name)
      lease.markReady()
      setImmediate(() => lease.release())
    })
  const holder = await pool.acquire(NEVER)
  holder.markReady()
  const hog = [1, 2, 3, 4].map(n => ask(`hog ${n}`, '10.0.0.1'))
  await t.rejects(ask('hog 5', '10.0.0.1'), { code: 'QUEUE_FULL' }, 'its own newest, which it is')
  const all = Promise.allSettled([...hog, ask('a 1', '10.0.0.2'), ask('b 1', '10.0.0.3')])
  holder.release()
  const full = { status: 'rejected', reason: { code: 'QUEUE_FULL' } }
  t.match((await all).slice(2, 4), [full, full])
  t.same(served, ['hog 1', 'a 1', 'b 1', 'hog 2'])
})

t.test('no client has the last sessions, also where several hold on to theirs', async t => {
  const { pool } = start({ maxSessions: 64, maxConnecting: 64 })
  const leases = new Map<string, number>()
  const ask = (client: string, count: number): void => {
    for (let n = 0; n < count; n++) {
      void pool.acquire(NEVER, { client }).then(
        lease => {
          leases.set(client, (leases.get(client) ?? 0) + 1)
          lease.markReady()
        },
        () => undefined,
      )
    }
  }
  ask('10.0.0.1', 100)
  await turn()
  t.equal(leases.get('10.0.0.1'), 56, 'seven eighths where it is alone')
  for (const client of ['10.0.0.2', '10.0.0.3']) {
    ask(client, 100)
    await turn()
    t.ok((leases.get(client) ?? 0) > 0, `${client} is served at once`)
  }
  pool.destroy()
})

t.test('a connection whose client has left meanwhile goes to the next one', async t => {
  const resolvers: ((end: WireEnd) => void)[] = []
  const { pool } = start({
    maxConnecting: 1,
    waitMs: 100,
    dial: () => new Promise(resolve => resolvers.push(resolve)),
  })
  const abort = new AbortController()
  const leaving = pool.acquire(abort.signal)
  const staying = pool.acquire(NEVER)
  abort.abort()
  await t.rejects(leaving, { code: 'CLIENT_ABORTED' })
  resolvers[0]?.(WireEnd.pair()[0])
  t.notOk((await staying).wasReady)
  t.equal(resolvers.length, 1)
})

t.test('idle sessions are closed by time, by their peer, and on demand', async t => {
  const { pool, clock, ends, recorder } = start()
  const leases = [await pool.acquire(NEVER), await pool.acquire(NEVER), await pool.acquire(NEVER)]
  for (const lease of leases) {
    lease.markReady()
    lease.release()
    clock.advance(400)
  }
  t.equal(pool.counts.idle, 2, 'the oldest went after its second')
  ends[1]?.end()
  await turn()
  t.equal(pool.counts.idle, 1)
  pool.dropIdle()
  t.equal(pool.counts.idle, 0)
  t.match(
    recorder.all('session.closed').map(({ reason }) => reason),
    ['idle', 'closed by the peer', 'closed by this proxy'],
  )
  t.equal(clock.pendingTimers, 0)
})

t.test('a spare is made only where a request would still find room', async t => {
  for (const [why, options, held] of [
    ['handshakes', { maxConnecting: 2 }, 1],
    ['handshakes', { maxConnecting: 1 }, 0],
    ['sessions', { maxSessions: 2 }, 1],
  ] as const) {
    const { pool } = start(options)
    for (let n = 0; n < held; n++) await pool.acquire(NEVER)
    t.equal(await pool.lendForSpare(), undefined, why)
  }
  const { pool } = start()
  pool.retire()
  t.equal(await pool.lendForSpare(), undefined, 'retired')
})

const CHALLENGED = {
  authenticate: () => '',
  head: { version: '1.1', status: 407, reason: '', headers: [] },
} as const

t.test('spares are lent to those who can use them, ready ones first', async t => {
  const { pool } = start()
  const park = async (spare: Spare, isReady = false) => {
    const lease = await pool.lendForSpare()
    if (isReady) lease?.markReady()
    lease?.park(spare, 1_000)
    return lease?.session
  }
  const ready = await park({ grade: 'authenticated' }, true)
  const dialled = await park({ grade: 'dialled' })
  const challenged = await park({ grade: 'challenged', challenged: CHALLENGED })
  t.match(pool.counts, { idle: 3, spare: 3, connecting: 0 })
  const first = await pool.acquire(NEVER)
  t.equal(first.session, ready)
  t.ok(first.wasReady && first.wasSpare)
  const second = await pool.acquire(NEVER)
  t.equal(second.session, dialled, 'a request with a body ends no logon that was begun')
  t.ok(!second.wasReady && second.wasSpare)
  t.equal(pool.counts.connecting, 1, 'it has its handshake still to do')
  t.notOk((await pool.acquire(NEVER, { wantsFresh: true })).wasSpare)
  const third = await pool.acquire(NEVER, { mayEndLogon: true })
  t.equal(third.session, challenged)
  first.release()
  const again = await pool.acquire(NEVER)
  t.equal(again.session, ready)
  t.notOk(again.wasSpare, 'it has served now')
})

t.test(
  'spares are closed by age, beyond the number wanted, and when one of them was dead',
  async t => {
    const { pool, clock, ends, recorder } = start()
    let lost = 0
    pool.onSpareLost = () => lost++
    const park = async (ms = 1_000) => (await pool.lendForSpare())?.park({ grade: 'dialled' }, ms)
    await park(400)
    await park()
    clock.advance(500)
    t.equal(pool.counts.spare, 1, 'age')
    for (let n = 0; n < 3; n++) await park()
    pool.keepSpares('dialled', 2)
    t.equal(pool.counts.spare, 2, 'number')
    t.equal(lost, 0)
    ends.at(-1)?.end()
    await turn()
    t.match([pool.counts.spare, lost], [1, 1], 'the upstream closed one')
    await park()
    const found = await pool.acquire(NEVER)
    found.discard(new ProxyError('UPSTREAM_CLOSED'))
    t.match([pool.counts.spare, lost], [0, 2], 'another was dead')
    await park()
    pool.keepSpares('authenticated', 5)
    t.equal(pool.counts.spare, 0, 'another grade')
    t.equal(recorder.count('session.closed'), 7)
  },
)
