import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import {
  type NtlmUpstream,
  type NtlmUpstreamOptions,
  type Origin,
  startNtlmUpstream,
  startOrigin,
  type UpstreamEvent,
} from '../../../src/demo/index.ts'
import { pattern, startByteEcho, startByteSink, startByteSource } from '../../harness/byte-echo.ts'
import { fieldValues } from '../../harness/content.ts'
import { openClient, type RawClient } from '../../harness/http-client.ts'
import { answerChallenge, NEGOTIATE } from '../../harness/plain-ntlm.ts'
import { SocketReader } from '../../harness/socket-reader.ts'

const ALICE = { user: 'alice', domain: 'DEMO', password: 'wonderland' }

type Test = Pick<typeof t, 'teardown'>

let origin: Origin
t.before(async () => {
  origin = await startOrigin()
})
t.teardown(() => origin.close())

async function start(test: Test, options: Partial<NtlmUpstreamOptions> = {}) {
  const events: UpstreamEvent[] = []
  const upstream = await startNtlmUpstream({
    accounts: [ALICE],
    resolve: origin.resolve,
    onEvent: event => void events.push(event),
    ...options,
  })
  test.teardown(() => upstream.close())
  return { upstream, events }
}

async function open(test: Test, upstream: NtlmUpstream): Promise<RawClient> {
  const client = await openClient(upstream.address.port)
  test.teardown(() => client.destroy())
  return client
}

/** Both legs with the same request line; gives the answer to the second one. */
async function logOn(client: RawClient, requestLine: string, password = ALICE.password) {
  const leg1 = await client.request(`${requestLine}\nProxy-Authorization: NTLM ${NEGOTIATE}`)
  const challenge = leg1.values('proxy-authenticate')[0]?.replace('NTLM ', '') ?? ''
  const token = answerChallenge(challenge, { ...ALICE, password })
  return await client.request(`${requestLine}\nProxy-Authorization: NTLM ${token}`)
}

const HELLO = 'GET http://origin.demo.test/hello HTTP/1.1\nHost: origin.demo.test'

t.test('nobody passes without logging on', async t => {
  const { upstream, events } = await start(t)
  const client = await open(t, upstream)
  for (const head of [HELLO, 'CONNECT origin.demo.test:443 HTTP/1.1\nHost: x', HELLO]) {
    const response = await client.request(head)
    t.equal(response.status, 407)
    t.same(response.values('proxy-authenticate'), ['NTLM'])
    t.same(response.values('connection'), ['keep-alive'])
    t.match(response.text, '<h1>407')
  }
  t.match(await logOn(client, HELLO, 'wrong'), { status: 407 })
  t.match(upstream.counters, { connections: 1, type1s: 1, type3s: 1, accepted: 0, rejected: 1 })
  t.same(
    events.map(({ kind }) => kind),
    ['connected', 'demanded', 'demanded', 'demanded', 'challenged', 'rejected'],
  )
})

t.test('a connection logs on once, for plain requests and for CONNECT', async t => {
  const { upstream, events } = await start(t)
  const client = await open(t, upstream)
  t.match(await logOn(client, HELLO), { status: 200, text: 'Hello from the origin\n' })
  t.match(await client.request(HELLO), { status: 200 }, 'without a field')
  const tunnel = await client.request('CONNECT origin.demo.test:80 HTTP/1.1\nHost: x')
  t.match(tunnel, { status: 200, reason: 'Connection established' })
  t.match(await client.request('GET /headers HTTP/1.1\nHost: inside'), { status: 200 })
  t.match(upstream.counters, { connections: 1, type1s: 1, type3s: 1, accepted: 1, rejected: 0 })
  t.same(
    upstream.requests.map(({ hadAuthorization }) => hadAuthorization),
    [true, true, false, false],
  )
  t.notMatch(JSON.stringify([upstream.requests, events]), /TlRMTVNT/, 'no token is kept')
  t.match(upstream.requests[1]?.headers, [
    'Host',
    'origin.demo.test',
    'Proxy-Authorization',
    '[type 3]',
  ])
})

t.test('both legs may be CONNECT', async t => {
  const { upstream } = await start(t)
  const client = await open(t, upstream)
  t.match(await logOn(client, 'CONNECT origin.demo.test:80 HTTP/1.1\nHost: x'), { status: 200 })
  t.match(await client.request('GET /hello HTTP/1.1\nHost: inside'), { status: 200 })
})

t.test('TLS runs through a tunnel and the certificate is the one made at start', async t => {
  const { upstream } = await start(t)
  const client = await open(t, upstream)
  await logOn(client, 'CONNECT origin.demo.test:443 HTTP/1.1\nHost: x')
  client.reader.detach()
  const { socket } = client
  const secure = connectTls({ socket, servername: 'origin.demo.test', ca: origin.caPem })
  await once(secure, 'secureConnect')
  secure.write('GET /hello HTTP/1.1\r\nHost: origin.demo.test\r\n\r\n')
  t.match((await new SocketReader(secure).readUntil('origin\n')).toString(), 'HTTP/1.1 200 OK')
  secure.destroy()
})

t.test('a tunnel carries each direction to its own end', async t => {
  const length = 3_000_001
  const bytes = Buffer.concat([...pattern(length)])
  const digest = createHash('sha256').update(bytes).digest('hex')
  const echo = await startByteEcho()
  const sink = await startByteSink()
  const source = await startByteSource(length)
  for (const server of [echo, sink, source]) t.teardown(() => server.close())
  const { upstream } = await start(t)
  const cases: [name: string, port: number, send: Buffer, expected: Buffer][] = [
    ['echo', echo.port, bytes, bytes],
    ['sink', sink.port, bytes, Buffer.from(`${length} ${digest}`)],
    ['source', source.port, Buffer.alloc(0), bytes],
  ]
  for (const [name, port, send, expected] of cases) {
    const client = await open(t, upstream)
    await logOn(client, `CONNECT 127.0.0.1:${port} HTTP/1.1\nHost: x`)
    client.socket.end(send)
    t.ok((await client.reader.readToEnd()).equals(expected), name)
  }
})

t.test('the pages of the origin come through as they are', async t => {
  const { upstream } = await start(t)
  const client = await open(t, upstream)
  await logOn(client, HELLO)
  const get = (path: string) =>
    client.request(`GET http://origin.demo.test${path} HTTP/1.1\nHost: origin.demo.test`)
  t.equal((await get('/bytes?n=200000')).body.length, 200000)
  t.match(await get('/status?code=418'), { status: 418, text: 'Status 418\n' })
  t.match(await get('/nowhere'), { status: 404 })
  const chunked = await get('/chunked?n=2')
  t.match(chunked, { text: 'chunk 1\nchunk 2\n', trailers: 'X-Chunks: 2\r\n' })
  t.match(await get('/noclose'), { text: 'This body ends with the connection\n' })
  t.match(await get('/slow?ms=1'), { text: 'At last\n' })
  const body = Buffer.concat([...pattern(100_000)])
  const sha256 = createHash('sha256').update(body).digest('hex')
  const post = `POST http://origin.demo.test/echo HTTP/1.1\nHost: x\nContent-Length: ${body.length}`
  const echoed = await client.request(post, body)
  t.same(JSON.parse(echoed.text), { method: 'POST', bytes: body.length, sha256 })
  const headers = await get('/headers')
  t.match(headers.text, '"Via","1.1 upstream.demo.test"')
  t.notMatch(headers.text, /proxy-/i)
  client.send('GET http://origin.demo.test/early-hints HTTP/1.1\r\nHost: x\r\n\r\n')
  const hint = await client.readHead()
  t.match(hint, 'HTTP/1.1 103 Early Hints')
  t.same(fieldValues(hint, 'link'), ['</style.css>; rel=preload; as=style'])
  t.match(await client.readResponse(), { status: 200 })
})

t.test('an upgrade turns the connection into a pipe to the origin', async t => {
  const { upstream } = await start(t)
  const head = (path: string) =>
    `GET http://origin.demo.test${path} HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  const client = await open(t, upstream)
  const response = await logOn(client, head('/ws'))
  t.equal(response.status, 101)
  t.same(response.values('sec-websocket-accept'), ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo='])
  client.send('any bytes at all')
  t.equal((await client.reader.readBytes(16)).toString(), 'any bytes at all')
  const refused = await open(t, upstream)
  t.match(await logOn(refused, head('/other')), { status: 404 })
})

t.test('what cannot be served is answered plainly', async t => {
  const { upstream, events } = await start(t)
  const closed = await startByteEcho()
  await closed.close()
  const tunnel = await open(t, upstream)
  const noTunnel = await logOn(tunnel, `CONNECT 127.0.0.1:${closed.port} HTTP/1.1\nHost: x`)
  t.equal(noTunnel.status, 503)
  t.same(noTunnel.values('connection'), ['close'])
  t.equal(await tunnel.reader.closed(), 'end')
  const plain = await open(t, upstream)
  const unreachable = `GET http://127.0.0.1:${closed.port}/ HTTP/1.1\nHost: x`
  const noAnswer = await logOn(plain, unreachable)
  t.equal(noAnswer.status, 503)
  t.same(
    noAnswer.values('connection'),
    ['keep-alive'],
    'the logon outlives the error, as with Squid',
  )
  const again = await plain.request(unreachable)
  t.equal(again.status, 503, 'no second logon is asked for')
  const client = await open(t, upstream)
  t.match(await logOn(client, 'GET /hello HTTP/1.1\nHost: x'), { status: 400 })
  t.same(
    events.flatMap(event => (event.kind === 'answered' ? event.status : [])),
    [503, 503, 503, 400],
  )
})

t.test('an expected body is asked for only when the request passes', async t => {
  const { upstream } = await start(t)
  const post =
    'POST http://origin.demo.test/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n' +
    'Content-Length: 4\r\n\r\n'
  const stranger = await open(t, upstream)
  stranger.send(post)
  const refusal = await stranger.readResponse()
  t.match(refusal, { status: 407 })
  t.same(refusal.values('connection'), ['close'])
  t.same(refusal.values('proxy-authenticate'), ['NTLM'])
  const client = await open(t, upstream)
  await logOn(client, HELLO)
  client.send(post)
  t.match(await client.readHead(), 'HTTP/1.1 100 Continue')
  client.send('body')
  t.match(JSON.parse((await client.readResponse()).text), { bytes: 4 })
})
