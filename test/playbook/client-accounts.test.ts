import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import {
  ALICE,
  BOB,
  getRequest,
  ntlmProxy,
  Playbook,
  type PlaybookOptions,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'

type Test = Pick<typeof t, 'teardown'>

const URL = 'http://origin.test/'

function basic(user: string, password: string): string {
  return `Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

const AS_BOB = basic('DEMO\\bob', BOB.password)

function start(test: Test, config: Partial<Config> = {}, more: Partial<PlaybookOptions> = {}) {
  return new Playbook(test, {
    hosts: { [PROXY]: ntlmProxy({ serve: answerWho }), 'intra.corp:80': ntlmProxy() },
    config: { domain: 'DEMO', ...config },
    ...more,
  })
}

/** Each connection says its number, so that it shows over which one an answer came. */
const answerWho: Serve = conn => conn.respond('200 OK', `connection ${conn.number}`)

const OWN_ONLY = { credentials: undefined, configChangedAtMs: 0 }

t.test('with NTLMToBasic a client without an account is asked for one', async t => {
  const book = start(t, { ntlmToBasic: true }, { input: OWN_ONLY })
  for (const fields of [[], ['Proxy-Authorization: Bearer x'], ['Proxy-Authorization: Basic !']]) {
    const answer = await book.get(URL, fields)
    t.equal(answer.status, 407)
    t.same(answer.values('Proxy-Authenticate'), ['Basic realm="Cntlm Proxy"'])
  }
  const tunnel = book.client()
  t.match(await tunnel.request('CONNECT a.test:443 HTTP/1.1\nHost: a.test'), { status: 407 })
  t.same(book.dials, [], 'nothing was asked for it')
})

t.test(
  'the account of a client logs on to the upstream, with the domain of the configuration',
  async t => {
    const book = start(t, { ntlmToBasic: true }, { input: OWN_ONLY })
    t.match(await book.get(URL, [basic('bob', BOB.password)]), { status: 200 })
    t.match(await book.get(URL, [basic('DEMO\\alice', ALICE.password)]), { status: 200 })
    t.match(book.recorder.all('client.proven'), [
      { account: 'DEMO\\bob' },
      { account: 'DEMO\\alice' },
    ])
    for (const { heads } of book.connections) for (const head of heads) t.notMatch(head, /Basic/)
  },
)

t.test("one client's login never serves another", async t => {
  const book = start(t)
  const own = await book.get(URL)
  const bob = await book.get(URL, [AS_BOB])
  t.not(bob.text, own.text)
  t.equal((await book.get(URL)).text, own.text, 'who names nobody goes on with the own account')
  t.equal((await book.get(URL, [AS_BOB])).text, bob.text, 'who names the same goes on as before')
  const guess = await book.get(URL, [basic('DEMO\\bob', 'guess')])
  t.equal(guess.status, 407, 'the name alone opens nothing')
  t.match(await book.get(URL, [AS_BOB]), { status: 200, text: bob.text })
})

t.test('the account of the configuration is named by its name and password', async t => {
  const book = start(t)
  const own = await book.get(URL)
  const same = await book.get(URL, [basic('DEMO\\alice', ALICE.password)])
  t.equal(same.text, own.text, 'the same account, the same sessions')
  const before = book.type3s
  const guess = await book.get(URL, [basic('DEMO\\ALICE', 'guess')])
  t.match(guess, { status: 407 })
  t.match(guess.text, /is the account of this proxy itself/)
  t.equal(book.type3s, before, 'a wrong password for it is not even tried')
  t.match(await book.get(URL), { status: 200 })
})

t.test('a rejected account of a client is asked for again, and not tried again', async t => {
  const book = start(t)
  const wrong = basic('DEMO\\bob', 'wrong')
  for (let round = 0; round < 5; round++) {
    const answer = await book.get(URL, [wrong])
    t.equal(answer.status, 407)
    t.same(answer.values('Proxy-Authenticate'), ['Basic realm="Cntlm Proxy"'])
    t.match(answer.text, /CLIENT_AUTH_REJECTED/)
  }
  t.equal(book.type3s, 1)
  t.match(book.recorder.all('client.rejected'), [{ account: 'DEMO\\bob', upstream: PROXY }])
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.match(await book.get(URL), { status: 200 }, 'the account of the configuration is not touched')
})

t.test('however many passwords clients guess, an account sees two of them', async t => {
  const book = start(t)
  const guesses = Array.from({ length: 12 }, (_, i) => basic('demo\\Bob', `guess ${i}`))
  const answers = await Promise.all(guesses.map(guess => book.get(URL, [guess])))
  t.ok(answers.every(({ status }) => status === 407))
  t.equal(book.type3s, 2)
  t.match(await book.get(URL, [AS_BOB]), { status: 407 }, 'the right one has to wait then, too')
  await book.pass(30 * 60_000 + 1)
  t.match(await book.get(URL, [AS_BOB]), { status: 200 })
})

t.test(
  'whatever name clients give the account of the configuration, they do not spoil it',
  async t => {
    const book = start(t)
    const guesses = ['DEMO\\alice', 'alice@demo.test', 'OTHER\\alice', 'demo.test\\Alice']
    for (const name of guesses) await book.get(URL, [basic(name, 'guess')])
    t.equal(book.type3s, 1, 'one of them is tried')
    t.match(await book.get(URL), { status: 200 })
  },
)

t.test(
  'SOCKS5 and Tunnel ports have the account of the configuration, if there is one',
  async t => {
    for (const [input, outcome] of [
      [undefined, { status: 200, error: undefined }],
      [OWN_ONLY, { status: 502, error: 'AUTH_NO_ACCOUNT' }],
    ] as const) {
      const book = start(t, { ntlmToBasic: true }, input === undefined ? {} : { input })
      const target = { host: 'target.test', port: 22 }
      const client = book.client('127.0.0.1', book.port({ kind: 'tunnel', target }))
      if (input === undefined) {
        await book.until(() => book.requests.filter(text => text === 'CONNECT').length === 2)
        client.destroy()
      } else {
        await client.reader.readToEnd()
      }
      await book.until(() => book.recorder.count('request.finished') === 1)
      t.match(book.recorder.all('request.finished'), [{ record: outcome }])
    }
  },
)

t.test('a direct way asks for no account', async t => {
  const book = start(t, { ntlmToBasic: true, noProxy: ['*.corp'] }, { input: OWN_ONLY })
  book.hosts['intra.corp:80'] = async conn => {
    await conn.readHead()
    conn.respond('200 OK', 'intranet')
  }
  t.match(await book.get('http://intra.corp/'), { status: 200, text: 'intranet' })
})

t.test('of many accounts the one that was not used for longest loses its sessions', async t => {
  const accounts = Array.from({ length: 260 }, (_, i) => ({ ...BOB, user: `user${i}` }))
  const book = start(t, {}, { hosts: { [PROXY]: ntlmProxy({ accounts }) } })
  for (const { user, password } of accounts)
    t.match(await book.get(URL, [basic(user, password)]), { status: 200 })
  t.equal(book.counts[0]?.idle, 256)
  t.equal(book.type3s, 260)
  await book.get(URL, [basic('user259', BOB.password)])
  t.equal(book.type3s, 260)
  await book.get(URL, [basic('user0', BOB.password)])
  t.equal(book.type3s, 261)
})

t.test('a password of a client is in no event and no answer', async t => {
  const book = start(t)
  const secret = 'pa55w0rd-of-bob'
  const answers = [
    await book.get(URL, [basic('DEMO\\bob', secret)]),
    await book.get(URL, [basic('', secret)]),
    await book.get(URL, [basic('b'.repeat(300), secret)]),
  ]
  const client = book.client()
  answers.push(await client.request(getRequest(URL, [basic('a:b', secret)])))
  t.same(
    answers.map(({ status }) => status),
    [407, 407, 407, 407],
  )
  const shown = JSON.stringify([answers, book.recorder.events])
  t.notMatch(shown, secret)
  t.notMatch(shown, Buffer.from(secret).toString('base64').slice(3, 12))
})
