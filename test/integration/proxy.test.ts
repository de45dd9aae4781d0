import { createHash } from 'node:crypto'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { ORIGIN_NAME, startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { pattern, startByteEcho, startByteSink, startByteSource } from '../harness/byte-echo.ts'
import { connectTunnel, openClient, RawClient } from '../harness/http-client.ts'
import { ALICE } from '../harness/playbook.ts'
import { startProxy } from '../harness/running-proxy.ts'
import { SocketReader } from '../harness/socket-reader.ts'

const SITE = `http://${ORIGIN_NAME}`
const MEGABYTE = 1024 * 1024

const origin = await startOrigin()
t.teardown(() => origin.close())
const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
t.teardown(() => upstream.close())
const { port, recorder } = await startProxy(t, { upstreams: [upstream.address.port] })

async function request(head: string, body: string | Buffer = '') {
  const client = await openClient(port)
  const answer = await client.request(head, body)
  client.destroy()
  return answer
}

function get(path: string) {
  return request(`GET ${SITE}${path} HTTP/1.1\nHost: ${ORIGIN_NAME}`)
}

t.test('a page of the origin comes through', async t => {
  t.match(await get('/hello'), { status: 200, text: 'Hello from the origin\n' })
  t.match(await get('/chunked?n=5'), { status: 200, trailers: 'X-Chunks: 5\r\n' })
  t.match(await get('/noclose'), { status: 200, text: 'This body ends with the connection\n' })
  t.match(await get('/status?code=404'), { status: 404, text: 'Status 404\n' })
  t.match(await request(`HEAD ${SITE}/hello HTTP/1.1\nHost: a`), { status: 200, text: '' })
  t.equal(upstream.counters.rejected, 0)
})

t.test('sixty clients at once share a few sessions and one proof of the password', async t => {
  const before = { ...upstream.counters }
  const paths = Array.from({ length: 60 }, (_, at) => `/bytes?n=${at * 1000}`)
  const answers = await Promise.all(paths.map(get))
  answers.forEach(({ body }, at) => t.equal(body.length, at * 1000))
  t.equal(upstream.counters.rejected, 0)
  const again = { ...upstream.counters }
  await Promise.all(paths.map(get))
  t.ok(upstream.counters.type3s - again.type3s <= again.type3s - before.type3s)
})

t.test('large bodies arrive whole, up and down, with and without a length', async t => {
  const body = Buffer.concat([...pattern(8 * MEGABYTE)])
  const sha256 = createHash('sha256').update(body).digest('hex')
  const head = `POST ${SITE}/echo HTTP/1.1\nHost: ${ORIGIN_NAME}`
  const sent = await request(`${head}\nContent-Length: ${body.length}`, body)
  t.same(JSON.parse(sent.text), { method: 'POST', bytes: body.length, sha256 })

  const client = await openClient(port)
  client.send(`${head.replace('\n', '\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`)
  for (const piece of pattern(8 * MEGABYTE, 10_007)) {
    client.send(`${piece.length.toString(16)}\r\n`)
    client.send(piece)
    client.send('\r\n')
  }
  client.send('0\r\n\r\n')
  const { bytes } = JSON.parse((await client.readResponse()).text) as { bytes: number }
  t.equal(bytes, body.length)
  client.destroy()

  const down = await get(`/bytes?n=${8 * MEGABYTE}`)
  t.equal(down.body.length, 8 * MEGABYTE)
  t.equal(down.body.indexOf('abcdefghijklmnopqrstuvwxyz012345'), 0)
})

t.test('a tunnel carries TLS to the origin', async t => {
  const { socket } = await connectTunnel(port, `${ORIGIN_NAME}:443`)
  const secure = connectTls({ socket, servername: ORIGIN_NAME, ca: origin.caPem })
  t.teardown(() => secure.destroy())
  const client = new RawClient(secure)
  const answer = await client.request(`GET /hello HTTP/1.1\nHost: ${ORIGIN_NAME}`)
  t.match(answer, { status: 200, text: 'Hello from the origin\n' })
})

t.test('tunnels keep every byte and each half-close', async t => {
  const echo = await startByteEcho()
  const source = await startByteSource(4 * MEGABYTE)
  const sink = await startByteSink()
  t.teardown(() => Promise.all([echo.close(), source.close(), sink.close()]))
  const whole = Buffer.concat([...pattern(4 * MEGABYTE)])
  const sha256 = createHash('sha256').update(whole).digest('hex')

  const there = await connectTunnel(port, `127.0.0.1:${echo.port}`)
  const back = new SocketReader(there.socket).readToEnd()
  for (const piece of pattern(4 * MEGABYTE)) there.socket.write(piece)
  there.socket.end()
  t.ok((await back).equals(whole))

  const down = await connectTunnel(port, `127.0.0.1:${source.port}`)
  const rest = await new SocketReader(down.socket).readToEnd()
  t.ok(Buffer.concat([down.leftover, rest]).equals(whole))
  down.socket.end()

  const up = await connectTunnel(port, `127.0.0.1:${sink.port}`)
  for (const piece of pattern(4 * MEGABYTE)) up.socket.write(piece)
  up.socket.end()
  t.equal(String(await new SocketReader(up.socket).readToEnd()), `${4 * MEGABYTE} ${sha256}`)
})

t.test('a client that reads slowly stops the source instead of filling the memory', async t => {
  const total = 256 * MEGABYTE
  const source = await startByteSource(total)
  t.teardown(() => source.close())
  const { socket } = await connectTunnel(port, `127.0.0.1:${source.port}`)
  socket.pause()
  const sender = source.accepted[0]
  let last = -1
  while (sender !== undefined && sender.bytesWritten !== last) {
    last = sender.bytesWritten
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
  }
  t.ok(last < total / 4, `${last} bytes are on their way`)
  socket.destroy()
})

t.test('a WebSocket echoes through the proxy and its upstream', async t => {
  const client = await openClient(port)
  t.teardown(() => client.destroy())
  const fields = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  client.send([`GET ${SITE}/ws HTTP/1.1`, `Host: ${ORIGIN_NAME}`, ...fields, ''].join('\r\n'))
  client.send('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  t.match(await client.readHead(), /101 .*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/s)
  client.socket.end('frames')
  t.equal((await client.reader.readToEnd()).toString(), 'frames')
})

t.test('an early hint of the origin reaches the client', async t => {
  const client = await openClient(port)
  t.teardown(() => client.destroy())
  client.send(`GET ${SITE}/early-hints HTTP/1.1\r\nHost: ${ORIGIN_NAME}\r\n\r\n`)
  t.match(await client.readHead(), /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>/i)
  t.match(await client.readResponse(), { status: 200, text: 'After an early hint\n' })
})

t.test('nothing went wrong that nobody saw', async t => {
  t.equal(recorder.count('bug'), 0)
  t.equal(recorder.count('upstream.down'), 0)
  t.equal(recorder.count('guard.proven'), 1)
})
