import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import type { RawClient } from '../harness/http-client.ts'
import {
  answerOk,
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'

const URL = 'http://site.test/'
const HOG = '10.0.0.1'
const OTHER = '10.0.0.2'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n'
const HANGING = 'CONNECT hang.test:443 HTTP/1.1\r\nHost: hang.test:443\r\n\r\n'

type Test = Pick<typeof t, 'teardown'>

/** Opens no tunnel to hang.test, and reads uploads for as long as they last. */
const serve: Serve = async (conn, { head, body, trailers }) => {
  if (head.includes('hang.test')) await conn.hold()
  else if (head.startsWith('CONNECT')) {
    conn.write('HTTP/1.1 200 OK\r\n\r\n')
    await conn.hold()
  } else return answerOk(conn, { head, body, trailers })
  return false
}

function start(test: Test, config: Partial<Config>): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) }, config })
}

/** A logon that rides on a CONNECT which hangs gives way to checks after a second. */
async function passUntil(book: Playbook, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !condition(); turn++) await book.pass(100, 1)
  await book.until(condition)
}

function ask(book: Playbook, address: string, text: string): RawClient<WireEnd> {
  const client = book.client(address)
  client.send(text)
  return client
}

/** An upload of which a byte comes at a time. */
function trickle(book: Playbook, address: string): RawClient<WireEnd> {
  const client = ask(
    book,
    address,
    `PUT ${URL} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100000\r\n\r\n`,
  )
  client.send('x')
  return client
}

t.test('CONNECTs of one client that hang do not keep others out', async t => {
  const book = start(t, { maxSessions: 16, maxWaiting: 40 })
  for (let n = 0; n < 56; n++) ask(book, HOG, HANGING)
  await passUntil(book, () => book.counts[0]?.waiting === 40 && book.counts[0].busy === 14)
  const { clock } = book
  const startedAt = clock.now()
  const refused = ask(book, HOG, HANGING)
  t.match(await refused.readResponse(), { status: 503, text: /40 wait for .* \(MaxWaiting\)/ })
  for (let round = 0; round < 20; round++) {
    t.match(await book.passUntil(ask(book, OTHER, CONNECT).readHead()), /^HTTP\/1\.1 200 /)
  }
  t.match(await book.passUntil(book.client(OTHER).request(getRequest(URL))), { status: 200 })
  t.ok(clock.now() - startedAt <= 2_000, 'nobody waited for more than a place to log on')
})

t.test('where the line is full, the client with most in it gives way', async t => {
  const book = start(t, { maxSessions: 2, maxWaiting: 10 })
  const first = ask(book, OTHER, HANGING)
  const hogs = Array.from({ length: 11 }, () => ask(book, HOG, HANGING))
  await passUntil(book, () => book.counts[0]?.waiting === 10)
  const newcomer = ask(book, '10.0.0.3', CONNECT)
  const [newest] = hogs.slice(-1)
  t.match(await newest?.readResponse(), { status: 503, text: /MaxWaiting/ })
  t.match(book.recorder.all('client.refused'), [{ client: new RegExp(`^${HOG}:`) }])
  first.socket.resetAndDestroy()
  const answer = await book.passUntil(newcomer.readHead())
  t.match(answer, /^HTTP\/1\.1 200 /, 'it is its turn before ten others')
})

t.test('clients that wait are served in turn', async t => {
  const order: string[] = []
  const inTurn: Serve = async (conn, request) => {
    order.push(/http:\/\/(\w+)/.exec(request.head)?.[1] ?? '')
    if (order.length === 1) await released
    return answerOk(conn, request)
  }
  let release = (): void => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  const book = new Playbook(t, {
    hosts: { [PROXY]: openProxy(inTurn) },
    config: { maxSessions: 1 },
  })
  const get = (address: string, host: string): RawClient<WireEnd> =>
    ask(book, address, `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const clients = [get('10.0.0.9', 'first')]
  await book.until(() => order.length === 1)
  for (let n = 0; n < 5; n++) clients.push(get(HOG, 'hog'))
  clients.push(get(OTHER, 'other'), get(OTHER, 'other'), get('10.0.0.3', 'third'))
  await book.until(() => book.counts[0]?.waiting === 8)
  release()
  for (const client of clients) t.match(await client.readResponse(), { status: 200 })
  t.same(order.join(' '), 'first hog other third hog other hog hog hog')
})

t.test(
  'slow uploads of one client leave sessions to others, and end when these are short',
  async t => {
    const book = start(t, { maxSessions: 16, bodyRate: 500 })
    const hogs = Array.from({ length: 14 }, () => trickle(book, HOG))
    await book.until(() => book.counts[0]?.busy === 14 && book.counts[0].connecting === 0)
    for (let round = 0; round < 5; round++) {
      for (const hog of hogs) hog.send('x')
      await book.pass(19_000, 1)
      t.match(await book.client(OTHER).request(getRequest(URL)), { status: 200 })
    }
    t.equal(book.counts[0]?.busy, 14, 'however slow they are, they cost nobody anything')

    const more = [trickle(book, HOG), trickle(book, HOG)]
    await book.until(() => book.counts[0]?.waiting === 2)
    await book.pass(21_000, 21)
    const [slow] = hogs
    t.match(await slow?.readResponse(), {
      status: 408,
      text: /\d+ bytes of the request body came in 20000 ms while others waited .*BodyRate/,
    })
    t.equal(book.counts[0]?.waiting, 0)
    for (const client of more) t.notOk(client.socket.destroyed)
    t.equal(book.recorder.count('upstream.failed'), 0)
  },
)

t.test('BodyRate: a body that comes fast enough goes on, and with off every one does', async t => {
  for (const [bodyRate, bytes] of [
    [500, 10_000],
    [0, 1],
  ] as const) {
    const book = start(t, { maxSessions: 1, bodyRate })
    const upload = ask(
      book,
      HOG,
      `PUT ${URL} HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${bytes * 5}\r\n\r\n`,
    )
    await book.until(() => book.counts[0]?.busy === 1 && book.counts[0].connecting === 0)
    const waiting = ask(book, OTHER, `GET ${URL} HTTP/1.1\r\nHost: site.test\r\n\r\n`)
    await book.until(() => book.counts[0]?.waiting === 1)
    for (let round = 0; round < 5; round++) {
      // Within the time that a request waits for a session.
      if (round > 0) await book.pass(11_000, 11)
      upload.send(Buffer.alloc(bytes))
    }
    t.match(await upload.readResponse(), { status: 200 }, `${bodyRate}`)
    t.match(await waiting.readResponse(), { status: 200 })
  }
})
