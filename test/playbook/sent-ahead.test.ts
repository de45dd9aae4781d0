import t from 'tap'
import type { RawClient } from '../harness/http-client.ts'
import {
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'
import { connectTo, hex } from '../unit/socks5/clients.ts'

type Test = Pick<typeof t, 'teardown'>

const HOST = 'Host: site.test\r\n'
const GET = `GET http://site.test/ HTTP/1.1\r\n${HOST}\r\n`
const HANGS = `GET http://site.test/hangs HTTP/1.1\r\n${HOST}\r\n`
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n'
const BIG = 4_000_000

/** Leaves `/hangs` and tunnels unanswered, and gives more for `/big` than fits on the way. */
const serve: Serve = async (conn, { head }) => {
  if (head.includes('/hangs') || head.startsWith('CONNECT')) {
    await conn.hold()
    return false
  }
  if (!head.includes('/big')) return conn.respond('200 OK', 'ok')
  conn.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`)
  for (let sent = 0; sent < BIG; sent += 16_000) conn.write(Buffer.alloc(16_000))
}

function start(test: Test): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) } })
}

/** A client that reads nothing. */
function deaf(book: Playbook): RawClient<WireEnd> {
  const client = book.client()
  client.reader.detach()
  client.socket.pause()
  return client
}

t.test('up to 16 requests may wait behind the one being served, and each is answered', async t => {
  const book = start(t)
  const client = book.client()
  client.send(GET.repeat(17))
  for (let at = 0; at < 17; at++) t.match(await client.readResponse(), { status: 200, text: 'ok' })
  t.same(book.recorder.all('client.refused'), [])
})

const page = `GET /own-page HTTP/1.1\r\n${HOST}\r\n`
const unreadable = `GET http://site.test/big HTTP/1.1\r\n${HOST}\r\n`
const bulky = `POST http://site.test/ HTTP/1.1\r\n${HOST}X: ${'x'.repeat(60_000)}\r\nContent-Length: 12000\r\n\r\n${'y'.repeat(12_000)}`

const FLOODS: Record<string, string | string[]> = {
  'behind one that hangs': HANGS + GET.repeat(17),
  'behind an answer that is not read': unreadable + GET.repeat(17),
  'that are answered with pages of the proxy': page.repeat(18),
  'that are health checks': `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`.repeat(18),
  'that expect what nobody can do':
    `GET http://site.test/hangs HTTP/1.1\r\n${HOST}Expect: wonders\r\n\r\n`.repeat(18),
  'of more than a mebibyte': [HANGS, ...Array.from({ length: 16 }, () => bulky)],
}

for (const [name, bytes] of Object.entries(FLOODS)) {
  t.test(`a client that sends on and on, requests ${name}, is cut off`, async t => {
    const book = start(t)
    const client = deaf(book)
    for (const piece of [bytes].flat()) client.send(piece)
    await book.until(
      () =>
        client.socket.destroyed ||
        client.socket.writableEnded ||
        book.recorder.count('client.refused') > 0,
    )
    t.match(book.recorder.all('client.refused'), [
      { client: '127.0.0.1:40001', limit: 'pipelining', most: 16 },
    ])
    await book.until(() => book.open === 0)
    const records = book.recorder.all('request.finished').map(({ record }) => record)
    const last = records.at(-1)
    if (last?.error !== 'BAD_TARGET' && last?.error !== 'EXPECTATION_FAILED' && last !== undefined)
      t.match(last, { error: 'BAD_REQUEST', detail: /wait behind the one being served$/ })
    t.match(await book.get('http://site.test/'), { status: 200 }, 'others are served')
  })
}

t.test('what a client is sent and reads slowly is not held against it', async t => {
  const book = start(t)
  const client = book.client()
  for (let round = 0; round < 40; round++) {
    client.send(bulky.repeat(3))
    for (let at = 0; at < 3; at++) t.match(await client.readResponse(), { status: 200 })
  }
  t.same(book.recorder.all('client.refused'), [])
})

const GONE: Record<string, [send: (book: Playbook) => RawClient<WireEnd>, method: string]> = {
  CONNECT: [book => sent(book.client(), CONNECT), 'CONNECT'],
  'CONNECT with bytes for the target': [book => sent(book.client(), `${CONNECT}early`), 'CONNECT'],
  Upgrade: [
    book =>
      sent(
        book.client(),
        HANGS.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      ),
    'GET',
  ],
  SOCKS: [
    book =>
      sent(
        book.client('127.0.0.1', book.port({ kind: 'socks5' })),
        Buffer.concat([hex('05 01 00'), connectTo('site.test', 443)]),
      ),
    'SOCKS',
  ],
}

function sent(client: RawClient<WireEnd>, bytes: string | Buffer): RawClient<WireEnd> {
  client.send(bytes)
  return client
}

for (const [name, [send, method]] of Object.entries(GONE)) {
  t.test(
    `a client that ends its side before its ${name} is answered loses its session`,
    async t => {
      const book = start(t)
      const client = send(book)
      await book.until(() =>
        book.requests.some(each => /^(?:CONNECT|GET) type 3|^GET$|^CONNECT$/.test(each)),
      )
      await book.settle()
      client.socket.end()
      await book.settle()
      await book.pass(2_500)
      t.equal(book.open > 0, true, 'it has a moment: it may still read')
      await book.pass(1_000)
      await book.until(() => book.open === 0)
      t.equal(book.counts[0]?.busy, 0)
      t.match(book.recorder.all('request.finished').at(-1), {
        record: { method, error: 'CLIENT_ABORTED', detail: /ended its side before/ },
      })
      t.equal(book.recorder.count('upstream.failed'), 0)
    },
  )
}

t.test('a client that ends its side and reads on gets its tunnel when it comes soon', async t => {
  let open = (): void => undefined
  const opened = new Promise<void>(resolve => (open = resolve))
  const waits: Serve = async conn => {
    await opened
    conn.write('HTTP/1.1 200 OK\r\n\r\n')
    const early = await conn.readToEnd()
    conn.write(`got ${early.toString()}`)
    conn.end()
    return false
  }
  const book = new Playbook(t, { hosts: { [PROXY]: openProxy(waits) } })
  const client = book.client()
  client.send(CONNECT)
  await book.until(() => book.requests.includes('CONNECT'))
  client.send('first ')
  await book.settle()
  client.socket.end('second')
  await book.pass(2_000)
  open()
  t.match(await client.readHead(), /^HTTP\/1\.1 200 /)
  t.equal((await client.reader.readToEnd()).toString(), 'got first second')
  await book.until(() => book.open === 0)
})

t.test('of what a client sends before its tunnel is there only a little is kept', async t => {
  const book = start(t)
  const client = book.client()
  client.send(CONNECT)
  for (let at = 0; at < 100; at++) client.send(Buffer.alloc(16_384))
  await book.settle()
  t.ok(client.socket.writableLength > 1_400_000, `${client.socket.writableLength} bytes wait`)
})

t.test(
  'a plain request whose client has ended its side is given up after half a minute',
  async t => {
    const book = start(t)
    const client = book.client()
    client.send(HANGS)
    await book.until(() => book.requests.includes('GET'))
    client.socket.end()
    await book.settle()
    await book.pass(29_000)
    t.equal(book.open > 0, true)
    await book.pass(2_000)
    await book.until(() => book.open === 0)
    t.match(book.recorder.all('request.finished').at(-1), { record: { error: 'CLIENT_ABORTED' } })
  },
)

t.test(
  'an answer that has begun is read to its end, however long ago the client ended its side',
  async t => {
    const book = new Playbook(t, {
      hosts: {
        [PROXY]: openProxy(async conn => {
          conn.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome')
          await book.pass(100_000)
          conn.write('more')
        }),
      },
    })
    const client = book.client()
    client.send(`${getRequest('http://site.test/').replaceAll('\n', '\r\n')}\r\n\r\n`)
    client.socket.end()
    t.match(await client.readResponse(), { status: 200, text: 'somemore' })
  },
)
