import { getDefaultHighWaterMark } from 'node:stream'
import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import type { RawClient } from '../harness/http-client.ts'
import {
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  type PlaybookOptions,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'
import { connectTo, hex } from '../unit/socks5/clients.ts'

type Test = Pick<typeof t, 'teardown'>
type Client = RawClient<WireEnd>

const URL = 'http://site.test/'
const HOST = 'Host: site.test\r\n'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'

function start(
  test: Test,
  config: Partial<Config>,
  hosts: PlaybookOptions['hosts'] = { [PROXY]: ntlmProxy() },
): Playbook {
  return new Playbook(test, { hosts, config })
}

/** Leaves the request unanswered until the test says so. */
function held(): { serve: Serve; release: () => void } {
  let release = (): void => undefined
  const released = new Promise<void>(resolve => (release = resolve))
  const serve: Serve = async conn => {
    await released
    conn.respond('200 OK', 'served')
  }
  return { serve, release: () => release() }
}

function refusals(book: Playbook): string[] {
  return book.recorder.all('client.refused').map(({ limit, most }) => `${limit} ${most ?? ''}`)
}

t.test(
  'MaxClients: one too many is answered 503 and work goes on; when one leaves there is room',
  async t => {
    const { serve, release } = held()
    const book = start(t, { maxClients: 2 }, { [PROXY]: ntlmProxy({ serve }) })
    const working = book.client()
    working.send(`GET ${URL} HTTP/1.1\r\n${HOST}\r\n`)
    const idle = book.client('10.0.0.2')
    await book.until(() => book.requests.includes('GET'))

    const third = book.client('10.0.0.3')
    const refused = await third.request(getRequest(URL))
    t.match(refused, {
      status: 503,
      text: /reached its limit of clients: 2 connections of all clients are open \(MaxClients\)/,
    })
    t.same(refused.values('Retry-After'), ['5'])
    t.match(refused.values('Proxy-Status'), [/error=proxy_internal_response/])
    t.same(refused.values('Connection'), ['close'])
    t.equal(await third.reader.closed(), 'end')
    t.same(refusals(book), ['MaxClients 2'])
    t.equal(book.recorder.count('request.finished'), 0, 'it has no access line')

    release()
    t.match(await working.readResponse(), { status: 200, text: 'served' })
    idle.destroy()
    await book.settle()
    t.match(await book.get(URL), { status: 200 })
  },
)

t.test('MaxClients: each way to ask is refused in its own manner', async t => {
  const book = start(t, { maxClients: 1 })
  book.client()
  const html = await book.client().request(getRequest(URL, ['Accept: text/html']))
  t.match(html, { status: 503, text: /^<!doctype html>/ })
  t.match(await book.client().request(CONNECT), { status: 503, text: /MaxClients/ })
  t.match(await book.client().request(`HEAD ${URL} HTTP/1.1\nHost: a`), { status: 503, text: '' })
  const upgrade = getRequest(URL, ['Connection: Upgrade', 'Upgrade: x'])
  t.match(await book.client().request(upgrade), { status: 503, text: /MaxClients/ })
  const post = `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 5`
  t.match(await book.client().request(post, 'hello'), { status: 503 })

  const ping = await book.client().request('OPTIONS * HTTP/1.1\nHost: a')
  t.match(ping, { status: 200 }, 'a health check learns that the proxy lives')
  t.same(ping.values('Connection'), ['close'])

  const socks = book.client('127.0.0.1', book.port({ kind: 'socks5' }))
  socks.send(Buffer.concat([hex('05 01 00'), connectTo('site.test', 443)]))
  t.equal((await socks.reader.readToEnd()).toString('hex'), '050005010001000000000000')
  const target = { host: 'git.test', port: 22 }
  const tunnel = book.client('127.0.0.1', book.port({ kind: 'tunnel', target }))
  t.equal((await tunnel.reader.readToEnd()).length, 0)
  t.same(book.dials, [])
  t.equal(refusals(book).length, 8)
})

t.test('MaxClients: who says nothing after all is cut off soon', async t => {
  const book = start(t, { maxClients: 1 })
  book.client()
  const silent = book.client()
  const trickling = book.client()
  trickling.send('GET ')
  await book.settle()
  await book.pass(11_000, 22)
  t.equal(await silent.reader.closed(), 'end')
  t.ok(await trickling.reader.closed())
})

t.test('MaxClientsPerAddress: other addresses are served', async t => {
  const book = start(t, { maxClientsPerAddress: 1 })
  const first = book.client('10.0.0.1')
  t.match(await book.client('10.0.0.1').request(getRequest(URL)), {
    status: 503,
    text: /1 connections of 10\.0\.0\.1 are open \(MaxClientsPerAddress\)/,
  })
  t.match(await book.client('10.0.0.2').request(getRequest(URL)), { status: 200 })
  first.destroy()
  await book.settle()
  t.match(await book.client('10.0.0.1').request(getRequest(URL)), { status: 200 })
  t.same(refusals(book), ['MaxClientsPerAddress 1'])
})

t.test('MaxWaiting: one too many is answered at once, those that wait are served', async t => {
  const { serve, release } = held()
  const book = start(t, { maxSessions: 1, maxWaiting: 2 }, { [PROXY]: ntlmProxy({ serve }) })
  const ask = (): Client => {
    const client = book.client()
    client.send(`GET ${URL} HTTP/1.1\r\n${HOST}\r\n`)
    return client
  }
  const first = ask()
  await book.until(() => book.requests.includes('GET'))
  const waiting = [ask(), ask()]
  await book.until(() => book.counts[0]?.waiting === 2)
  const refused = await ask().readResponse()
  t.match(refused, { status: 503, text: /2 wait for proxy\.test:8080 \(MaxWaiting\)/ })
  t.same(refused.values('Retry-After'), ['5'])
  t.same(refusals(book), ['MaxWaiting 2'])
  t.match(await book.recorder.waitFor('request.finished'), {
    record: { error: 'QUEUE_FULL', termination: 'RQ' },
  })
  release()
  for (const client of [first, ...waiting]) t.match(await client.readResponse(), { status: 200 })
  t.equal(book.recorder.count('upstream.failed'), 0)
})

t.test(
  'BodyTimeout: a body that comes byte by byte is carried, one that stops is answered 408',
  async t => {
    const book = start(t, { bodyTimeoutMs: 60_000 }, { [PROXY]: openProxy() })
    const client = book.client()
    const head = `POST ${URL} HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\n`
    client.send(head)
    const answer = client.readResponse()
    for (const byte of 'slow') {
      await book.pass(50_000)
      client.send(byte)
    }
    t.match(await answer, { status: 200, text: `POST ${URL} 4\n` })

    client.send(`${head}sl`)
    const late = client.readResponse()
    await book.settle()
    await book.pass(59_000)
    t.equal(book.open > 0, true)
    await book.pass(2_000)
    const timedOut = await late
    t.match(timedOut, {
      status: 408,
      text: /nothing came for 60000 ms after 2 bytes of the request body/,
    })
    t.same(timedOut.values('Connection'), ['close'])
    await book.pass(6_000)
    t.ok(await client.reader.closed())
    await book.until(() => book.open === 0)
    t.equal(book.recorder.count('upstream.failed'), 0, 'it is not held against the upstream')
    const { error, termination } = book.recorder.all('request.finished').at(-1)!.record
    t.match({ error, termination }, { error: 'CLIENT_TIMEOUT', termination: 'cH' })
  },
)

t.test(
  'BodyTimeout: an upstream that is slow to take a body is no silence of the client',
  async t => {
    const { serve, release } = held()
    const book = start(t, { bodyTimeoutMs: 60_000 }, { [PROXY]: openProxy(serve) })
    const client = book.client()
    client.send(`POST ${URL} HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n`)
    client.send(Buffer.alloc(1_000_000))
    await book.settle()
    await book.pass(300_000)
    release()
    t.match(await client.readResponse(), { status: 200 })
  },
)

/** Sends an answer that fits in no buffer on the way. */
const endless: Serve = (conn, { head }) => {
  const status = head.startsWith('CONNECT') ? '403 Forbidden' : '200 OK'
  conn.write(`HTTP/1.1 ${status}\r\nContent-Length: 4000000\r\n\r\n`)
  for (let sent = 0; sent < 4_000_000; sent += 16_000) conn.write(Buffer.alloc(16_000))
}

t.test('BodyTimeout: a client that does not read its answer is reset', async t => {
  for (const request of [
    `GET ${URL} HTTP/1.1\r\n${HOST}\r\n`,
    `${CONNECT.replace('\n', '\r\n')}\r\n\r\n`,
  ]) {
    const book = start(t, { bodyTimeoutMs: 60_000 }, { [PROXY]: openProxy(endless) })
    const client = book.client()
    client.reader.detach()
    client.socket.pause()
    client.send(request)
    await book.settle()
    await book.pass(59_000)
    t.equal(book.open > 0, true)
    await book.pass(2_000)
    await book.until(() => book.open === 0)
    t.ok(client.socket.destroyed)
    t.match(book.recorder.all('request.finished'), [
      { record: { error: 'CLIENT_TIMEOUT', termination: 'cD', detail: /not read for 60000 ms/ } },
    ])
  }
})

t.test('BodyTimeout: an answer that is complete has to be read in time too', async t => {
  // More than the client's end takes, less than would make the proxy wait with the rest.
  const length = 3 * getDefaultHighWaterMark(false)
  const serve: Serve = conn => conn.respond('200 OK', Buffer.alloc(length).toString())
  const book = start(t, { bodyTimeoutMs: 60_000 }, { [PROXY]: openProxy(serve) })
  const client = book.client()
  client.reader.detach()
  client.socket.pause()
  client.send(`GET ${URL} HTTP/1.1\r\n${HOST}\r\n`)
  await book.settle()
  await book.pass(61_000)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { error: 'CLIENT_TIMEOUT' } }])
})

t.test('ClientIdleTimeout: a connection without a request is closed then, not before', async t => {
  const book = start(t, { clientIdleMs: 10_000 })
  const client = book.client()
  await book.pass(9_000)
  t.match(await client.request(getRequest(URL)), { status: 200 })
  await book.settle()
  await book.pass(9_000)
  t.match(await client.request(getRequest(URL)), { status: 200 })
  await book.settle()
  await book.pass(10_500)
  t.equal(await client.reader.closed(), 'end')
})

t.test('a want of descriptors is no fault of the upstream, and passes', async t => {
  const book = start(t, {}, { [PROXY]: 'exhausts', 'proxy.second:8080': ntlmProxy() })
  for (const request of [getRequest(URL), CONNECT]) {
    const refused = await book.client().request(request)
    t.match(refused, { status: 503, text: /no file descriptor left/ })
    t.same(refused.values('Retry-After'), ['5'])
  }
  t.same(refusals(book), ['descriptors ', 'descriptors '])
  t.equal(book.recorder.count('upstream.failed') + book.recorder.count('upstream.down'), 0)
  t.same(book.dials, [PROXY, PROXY], 'no other upstream is asked either')
  book.hosts[PROXY] = ntlmProxy()
  t.match(await book.get(URL), { status: 200 })
})

t.test('a kept session outlives a want of descriptors while its upstream is silent', async t => {
  const { serve, release } = held()
  const waits: Serve = async (conn, request) =>
    request.head.includes('/slow') ? serve(conn, request) : conn.respond('200 OK', '')
  const book = start(t, {}, { [PROXY]: ntlmProxy({ serve: waits }) })
  t.match(await book.get(URL), { status: 200 })
  const slow = book.get(`${URL}slow`)
  await book.until(() => book.requests.filter(each => each === 'GET').length === 2)
  book.hosts[PROXY] = 'exhausts'
  await book.pass(30_000)
  t.ok(book.dials.length > 1, 'the upstream was to be probed')
  release()
  t.match(await slow, { status: 200 })
  t.equal(book.recorder.count('upstream.failed'), 0)
})

t.test('where all upstreams are marked down, the answer says when one is tried again', async t => {
  const book = start(t, {}, { [PROXY]: 'refuses', 'proxy.second:8080': 'refuses' })
  const answer = await book.get(URL)
  t.match(answer, { status: 502, text: /DIAL_REFUSED/ })
  t.same(answer.values('Retry-After'), ['5'])
  await book.pass(2_000, 1)
  t.same((await book.get(URL)).values('Retry-After'), ['3'])
})

t.test('a password that is held back says when it is tried again', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, password: 'wrong' })
  t.match(await book.get(URL), { status: 502, text: /AUTH_REJECTED/ })
  const answer = await book.get(URL)
  t.match(answer, { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.same(answer.values('Retry-After'), ['1800'])
})
