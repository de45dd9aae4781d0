import t from 'tap'
import { ntlmProxy, Playbook, type PlaybookOptions, type Reached } from '../harness/playbook.ts'

const URL = 'http://site.test/'
const FIRST = 'proxy-a.test:1'
const SECOND = 'proxy-b.test:2'

type Test = Pick<typeof t, 'teardown'>

function start(
  test: Test,
  first: Reached,
  second: Reached,
  config: PlaybookOptions['config'] = {},
) {
  const hosts: Record<string, Reached> = { [FIRST]: first, [SECOND]: second }
  return { book: new Playbook(test, { hosts, config }), hosts }
}

/**
 * Ways of being dead, how long it takes to find out in ms, and how many requests: one connection that breaks may be an accident, two in
 * a row are none.
 */
const DEAD: Record<string, [dead: Reached, ms: number, tries?: number]> = {
  refuses: ['refuses', 0],
  'does not answer the dial': ['swallows', 2_500],
  'accepts and closes': [async conn => conn.end(), 0, 2],
  'accepts and resets': [async conn => conn.reset(), 0, 2],
  'closes after the request': [
    async conn => void (await conn.readHead().then(() => conn.end())),
    0,
    2,
  ],
  'speaks something else': [async conn => conn.write('SSH-2.0-OpenSSH_9.6\r\n'), 0],
  'speaks something else when asked': [
    async conn =>
      void (await conn.readHead().then(() => conn.write('\x15\x03\x01\x00\x02\x02\x0a'))),
    0,
  ],
  'is silent': [async conn => void (await conn.hold()), 6_000],
  'stops in the middle of a header': [
    async conn => {
      await conn.readHead()
      conn.write('HTTP/1.1 407 Proxy Auth')
      await conn.hold()
    },
    6_000,
  ],
}

for (const [name, [dead, ms, tries = 1]] of Object.entries(DEAD)) {
  t.test(`an upstream that ${name} is replaced by the next one and marked down`, async t => {
    const { book } = start(t, dead, ntlmProxy())
    for (let round = 0; round < tries; round++)
      t.match(await book.passUntil(book.get(URL)), { status: 200 })
    t.ok(book.clock.now() <= ms, `${book.clock.now()} ms were lost`)
    t.ok(book.dials.includes(SECOND))
    t.equal(book.recorder.count('guard.tripped'), 0)
    t.match(book.recorder.all('upstream.down')[0], { upstream: FIRST })

    const { clock, dials } = book
    const before = { at: clock.now(), dials: dials.length }
    for (let round = 0; round < 3; round++) t.match(await book.get(URL), { status: 200 })
    t.same({ at: clock.now(), dials: dials.length }, before, 'later requests lose no time on it')
    await book.until(() => book.open === 0)

    await book.pass(300_000, 300)
    before.at = clock.now()
    t.match(await book.get(URL), { status: 200 })
    t.equal(clock.now(), before.at, 'nor when it could be asked again')
  })
}

t.test('the preferred upstream is up again once it answers a probe', async t => {
  const { book, hosts } = start(t, 'refuses', ntlmProxy())
  await book.get(URL)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished').at(-1), {
    record: { upstream: SECOND, attempts: 2 },
  })
  await book.pass(6_000)
  t.equal(book.recorder.count('upstream.down'), 2, 'the probe failed: it stays aside for longer')
  t.match(book.recorder.all('upstream.down'), [{ forMs: 5_000 }, { forMs: 10_000 }])
  hosts[FIRST] = ntlmProxy()
  await book.get(URL)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished').at(-1), { record: { upstream: SECOND } })
  await book.pass(11_000)
  await book.get(URL)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished').at(-1), {
    record: { upstream: FIRST, attempts: 1 },
  })
  t.match(book.recorder.all('upstream.up'), [{ upstream: FIRST }])
})

t.test(
  'when all upstreams are down they are still tried, and the answer says what is wrong',
  async t => {
    const { book, hosts } = start(t, 'refuses', 'refuses')
    for (let round = 0; round < 2; round++) {
      const answer = await book.get(URL)
      t.match(answer, { status: 502, text: /The connection was refused: proxy-b\.test:2/ })
      t.match(answer.values('Proxy-Status'), [/^tsntlm; error=connection_refused/])
    }
    t.same(book.dials, [FIRST, SECOND, FIRST, SECOND])
    hosts[SECOND] = ntlmProxy()
    t.match(await book.get(URL), { status: 200 }, 'nobody waits for the end of a cool-down')

    const black = start(t, 'swallows', 'swallows').book
    const answer = black.get(URL)
    await black.settle()
    await black.pass(5_100)
    t.match(await answer, { status: 504, text: /DIAL_TIMEOUT/ })
  },
)

t.test('requests that wait for a dead upstream go on to the next one together', async t => {
  const { book } = start(t, 'swallows', ntlmProxy(), { maxHandshakes: 2 })
  const answers = Promise.all(Array.from({ length: 12 }, () => book.get(URL)))
  await book.until(() => book.counts[0]?.waiting === 10)
  await book.pass(2_600)
  for (const answer of await answers) t.match(answer, { status: 200 })
  t.equal(book.recorder.count('upstream.down'), 1, 'failures at one time count once')
})

t.test('an upstream that vanishes behind a kept session is noticed', async t => {
  for (const method of ['GET', 'POST']) {
    let isGone = false
    const vanishing: Reached = ntlmProxy({
      serve: async conn => {
        if (isGone) await conn.hold()
        else conn.respond('200 OK', 'first')
      },
    })
    const { book, hosts } = start(t, vanishing, ntlmProxy())
    t.match(await book.get(URL), { text: 'first' })
    isGone = true
    hosts[FIRST] = 'swallows'
    const answer = book.client().request(`${method} ${URL} HTTP/1.1\nHost: a\nContent-Length: 0`)
    await book.until(() => book.requests.length === 5)
    await book.pass(15_000, 30)
    const expected =
      method === 'GET'
        ? { status: 200, text: `GET ${URL} 0\n` }
        : { status: 504, text: /UPSTREAM_SILENT/ }
    t.match(await answer, expected, method)
    t.match(await book.get(URL), { status: 200 }, 'and the next request goes to the other one')
  }
})

t.test('an upstream that is only slow is left in peace', async t => {
  let answer: () => void = () => undefined
  const asked = new Promise<void>(resolve => (answer = resolve))
  const { book } = start(
    t,
    ntlmProxy({
      serve: async (conn, { head }) => {
        if (head.includes('/slow')) await asked
        conn.respond('200 OK', 'in the end')
      },
    }),
    ntlmProxy(),
  )
  await book.get(URL)
  const slow = book.get(`${URL}slow`)
  await book.until(() => book.requests.length === 5)
  await book.pass(120_000, 60)
  answer()
  t.match(await slow, { status: 200, text: 'in the end' })
  t.equal(book.recorder.count('upstream.down'), 0)
})

t.test('an origin that never answers is a 504, and no upstream is blamed for it', async t => {
  const { book } = start(
    t,
    ntlmProxy({
      serve: async (conn, { head }) => {
        if (head.includes('/never')) await conn.hold()
        else conn.respond('200 OK')
      },
    }),
    ntlmProxy(),
    { responseTimeoutMs: 60_000 },
  )
  await book.get(URL)
  const answer = book.get(`${URL}never`)
  await book.until(() => book.requests.length === 5)
  await book.pass(61_000, 60)
  t.match(await answer, { status: 504, text: /UPSTREAM_TIMEOUT/ })
  t.equal(book.recorder.count('upstream.down'), 0)
})

t.test('a POST that may have been executed is not sent to another upstream', async t => {
  const dying: Reached = ntlmProxy({
    serve: conn => {
      conn.end()
      return false
    },
  })
  const { book } = start(t, dying, ntlmProxy())
  const answer = await book
    .client()
    .request(`POST ${URL} HTTP/1.1\nHost: a\nContent-Length: 4`, 'once')
  t.match(answer, { status: 502, text: /UPSTREAM_CLOSED/ })
  t.notOk(book.dials.includes(SECOND))
})
