import t from 'tap'
import { Cancellation, NEVER_CANCELLED } from '../../../../src/core/index.ts'
import { searchDns } from '../../../../src/net/names/dns-search.ts'
import type { AskServer, Family, Reply } from '../../../../src/net/names/dns-server.ts'
import { parseResolvConf } from '../../../../src/net/names/resolv-conf.ts'
import { FakeClock } from '../../../harness/fake-clock.ts'

type Says = Reply | 'silent'

/** What each server says, by `server name family`, `server name` or `server`; the rest is silence. */
function scene(conf: string, replies: Readonly<Record<string, Says>>) {
  const clock = new FakeClock()
  const asked: string[] = []
  const ask: AskServer = (server, signal) => async (name, family: Family) => {
    asked.push(`${clock.now()} ${server} ${name} ${family}`)
    const keys = [`${server} ${name} ${family}`, `${server} ${name}`, server]
    const says = keys.map(key => replies[key]).find(one => one !== undefined) ?? 'silent'
    if (says !== 'silent') return says
    return new Promise(resolve =>
      signal.addEventListener('abort', () => resolve({ kind: 'silent' })),
    )
  }
  const search = (name: string, signal = NEVER_CANCELLED) =>
    searchDns(name, { clock, ask, conf: parseResolvConf(conf, 'host'), signal })
  return { clock, asked, search }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
}

async function after(clock: FakeClock, ms: number, step = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await turns()
    clock.advance(step)
  }
  await turns()
}

const V4: Reply = { kind: 'found', addresses: ['10.0.0.1'] }
const V6: Reply = { kind: 'found', addresses: ['2001:db8::1'] }
const EMPTY: Reply = { kind: 'empty' }
const UNKNOWN: Reply = { kind: 'unknown' }
const FAILED: Reply = { kind: 'failed', code: 'ESERVFAIL' }

t.test('both families are asked for at once, of the first server alone', async t => {
  const { clock, asked, search } = scene('nameserver 1.1.1.1\nnameserver 2.2.2.2', {
    '1.1.1.1 a.test 4': V4,
    '1.1.1.1 a.test 6': V6,
  })
  t.strictSame(await search('a.test'), ['10.0.0.1', '2001:db8::1'])
  t.strictSame(asked, ['0 1.1.1.1 a.test 4', '0 1.1.1.1 a.test 6'])
  t.equal(clock.pendingTimers, 0)
})

t.test('a server that is silent about one family costs 50 ms', async t => {
  const { clock, search } = scene('nameserver 1.1.1.1', { '1.1.1.1 a.test 4': V4 })
  const found = search('a.test')
  await turns()
  clock.advance(49)
  t.equal(clock.pendingTimers, 1)
  clock.advance(1)
  t.strictSame(await found, ['10.0.0.1'])
  t.equal(clock.pendingTimers, 0)
})

t.test('what the answers come to', async t => {
  const two = 'nameserver 1.1.1.1\nnameserver 2.2.2.2'
  const table: [
    what: string,
    conf: string,
    replies: Record<string, Says>,
    result: string[] | RegExp,
  ][] = [
    ['one family', two, { '1.1.1.1 a.test 4': V4, '1.1.1.1 a.test 6': EMPTY }, ['10.0.0.1']],
    ['the name without addresses', two, { '1.1.1.1': EMPTY, '2.2.2.2': V4 }, []],
    ['no such name, whatever another server says', two, { '1.1.1.1': UNKNOWN, '2.2.2.2': V4 }, []],
    [
      'a server that cannot answer',
      two,
      { '1.1.1.1': FAILED, '2.2.2.2': V4 },
      ['10.0.0.1', '10.0.0.1'],
    ],
    [
      'none that can',
      two,
      { '1.1.1.1': FAILED, '2.2.2.2': FAILED },
      /^a\.test: the name server \(1\.1\.1\.1, 2\.2\.2\.2\) could not answer \(ESERVFAIL\)$/,
    ],
    [
      'a search list',
      'search x.test\nnameserver 1.1.1.1',
      {
        '1.1.1.1 a.test': UNKNOWN,
        '1.1.1.1 a.test.x.test 4': V4,
        '1.1.1.1 a.test.x.test 6': EMPTY,
      },
      ['10.0.0.1'],
    ],
    [
      'a search list that is no help',
      'search x.test\nnameserver 1.1.1.1',
      { '1.1.1.1': UNKNOWN },
      [],
    ],
  ]
  for (const [what, conf, replies, result] of table) {
    const { clock, search } = scene(conf, replies)
    const outcome = search('a.test')
    if (result instanceof RegExp)
      await t.rejects(outcome, { code: 'DIAL_DNS', detail: result }, what)
    else t.strictSame(await outcome, result, what)
    t.equal(clock.pendingTimers, 0, what)
  }
})

t.test(
  'a silent server is asked again, in turn with the others, for twice as long each time',
  async t => {
    const { clock, asked, search } = scene(
      'nameserver 1.1.1.1\nnameserver 2.2.2.2\noptions no-aaaa',
      {},
    )
    const outcome = search('a.test').catch((error: unknown) => error)
    await after(clock, 14_000)
    t.match(await outcome, {
      code: 'DIAL_DNS',
      detail: 'a.test: no answer from the name server within 14000 ms',
    })
    t.strictSame(asked, [
      '0 1.1.1.1 a.test 4',
      '1000 2.2.2.2 a.test 4',
      '2000 1.1.1.1 a.test 4',
      '4000 2.2.2.2 a.test 4',
      '6000 1.1.1.1 a.test 4',
      '10000 2.2.2.2 a.test 4',
    ])
    t.equal(clock.pendingTimers, 0)
  },
)

t.test('a dead first server costs a second', async t => {
  const { clock, search } = scene('nameserver 1.1.1.1\nnameserver 2.2.2.2', {
    '2.2.2.2 a.test 4': V4,
    '2.2.2.2 a.test 6': EMPTY,
  })
  const outcome = search('a.test')
  await after(clock, 1_000)
  t.strictSame(await outcome, ['10.0.0.1'])
  t.equal(clock.now(), 1_000)
})

t.test(
  'a name that is not answered is not searched for further: it may be another host',
  async t => {
    const { clock, asked, search } = scene('search x.test\nnameserver 1.1.1.1', {
      '1.1.1.1 a.test.x.test': V4,
    })
    const outcome = search('a.test').catch((error: unknown) => error)
    await after(clock, 7_000)
    t.match(await outcome, { code: 'DIAL_DNS' })
    t.notOk(asked.some(question => question.includes('x.test')))
  },
)

t.test('nobody waits any longer: the questions end', async t => {
  const { clock, asked, search } = scene('nameserver 1.1.1.1\nnameserver 2.2.2.2', {})
  const leaving = new Cancellation()
  const outcome = search('a.test', leaving)
  await turns()
  leaving.abort()
  await t.rejects(outcome, { code: 'CLIENT_ABORTED' })
  t.equal(asked.length, 2)
  t.equal(clock.pendingTimers, 0)
})
