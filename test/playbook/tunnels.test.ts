import t from 'tap'
import type { RawClient } from '../harness/http-client.ts'
import {
  answerOk,
  getRequest,
  ntlmProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'

const CONNECT = 'CONNECT site.test:443 HTTP/1.1\r\nHost: site.test:443\r\n\r\n'
const WEBSOCKET = [
  'GET http://site.test/chat HTTP/1.1',
  'Host: site.test',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
].join('\r\n')

type Test = Pick<typeof t, 'teardown'>

function start(test: Test, serve: Serve): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) } })
}

/** Opens the tunnel and echoes everything, until the client ends its side. */
const echo: Serve = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(await conn.readToEnd())
  conn.end()
  return false
}

async function finished(book: Playbook) {
  await book.until(() => book.open === 0)
  return book.recorder.all('request.finished').at(-1)?.record
}

t.test('what the client sends with its CONNECT reaches the target first', async t => {
  const book = start(t, echo)
  const client = book.client()
  client.send(`${CONNECT}early `)
  t.equal(await client.readHead(), 'HTTP/1.1 200 Connection established')
  client.socket.end('late')
  t.equal((await client.reader.readToEnd()).toString(), 'early late')
  t.match(await finished(book), {
    status: 200,
    bytesIn: 10,
    bytesOut: 10,
    termination: '--',
    target: 'site.test:443',
  })
})

t.test('what the target sends with the 200 reaches the client', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nSSH-2.0')
    await conn.closed()
    conn.end()
    return false
  })
  const client = book.client()
  client.send(CONNECT)
  t.equal(await client.readHead(), 'HTTP/1.1 200 Connection established')
  t.equal((await client.reader.readBytes(7)).toString(), 'SSH-2.0')
  client.socket.end()
  t.match(await finished(book), { bytesOut: 7, termination: '--' })
})

t.test('each direction of a tunnel ends by itself', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\n\r\nbye')
    conn.end()
    t.equal((await conn.readToEnd()).toString(), 'still talking')
    return false
  })
  const client = book.client()
  client.send(CONNECT)
  await client.readHead()
  t.equal((await client.reader.readToEnd()).toString(), 'bye')
  client.socket.end('still talking')
  t.match(await finished(book), { bytesIn: 13, bytesOut: 3, termination: '--' })
  t.same(book.failures, [])
})

t.test('a refused CONNECT shows the answer of the upstream, and the session serves on', async t => {
  const book = start(t, conn =>
    conn.respond('403 Forbidden', '<h1>not this site</h1>', ['X-Reason: policy']),
  )
  for (let round = 0; round < 2; round++) {
    const client = book.client()
    const answer = await client.request('CONNECT site.test:443 HTTP/1.1\nHost: site.test:443')
    t.match(answer, { status: 403, text: '<h1>not this site</h1>' })
    t.match(answer.values('X-Reason'), ['policy'])
    t.equal(await client.reader.closed(), 'end')
  }
  t.equal(book.connections.length, 1)
  t.match(await finished(book), { status: 403, bytesOut: 22 })
})

t.test('a tunnel that breaks on one side breaks on the other', async t => {
  for (const side of ['client', 'upstream'] as const) {
    const book = start(t, async conn => {
      conn.write('HTTP/1.1 200 OK\r\n\r\nhello')
      await conn.hold()
      return false
    })
    const client = book.client()
    client.send(CONNECT)
    await client.readHead()
    await client.reader.readBytes(5)
    if (side === 'client') client.socket.resetAndDestroy()
    else book.connections[0]?.reset()
    const expected = side === 'client' ? 'CD' : 'SD'
    t.match(await finished(book), { status: 200, termination: expected }, side)
    t.equal(book.recorder.count('upstream.failed'), 0)
  }
})

t.test('a client that leaves during the logon leaves nothing behind', async t => {
  for (const way of ['resetAndDestroy', 'destroy'] as const) {
    const book = start(t, answerOk)
    const client = book.client()
    client.send(CONNECT)
    await book.until(() => book.requests.length > 1)
    client.socket[way]()
    await book.until(() => book.open === 0)
    t.equal(book.recorder.count('request.finished'), 1)
    t.match(await book.get('http://site.test/'), { status: 200 })
  }
})

t.test('an idle tunnel is ended where that is configured', async t => {
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve: echo }) },
    config: { tunnelIdleMs: 60_000 },
  })
  const client = book.client()
  client.send(CONNECT)
  await client.readHead()
  await book.pass(50_000)
  client.send('still here')
  await book.settle()
  await book.pass(50_000)
  t.equal(book.frontends.http.requestsInProgress, 1)
  await book.pass(20_000)
  t.match(await finished(book), { error: 'CLIENT_TIMEOUT' })
})

t.test('the body framing of a CONNECT is not handed on: it has no body', async t => {
  const book = start(t, echo)
  for (const framing of ['Content-Length: 4', 'Transfer-Encoding: chunked']) {
    const client = book.client()
    client.send(CONNECT.replace('\r\n\r\n', `\r\n${framing}\r\n\r\ndata`))
    t.match(await client.readHead(), /^HTTP\/1\.1 200/)
    client.socket.end()
    t.equal((await client.reader.readToEnd()).toString(), 'data')
  }
  for (const head of book.connections.flatMap(({ heads }) => heads))
    if (head.startsWith('CONNECT') && !head.includes('type 1'))
      t.notMatch(head, /^(Content-Length: 4|Transfer-Encoding)/m)
})

t.test('a WebSocket goes through: 101, then bytes both ways', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n')
    conn.write('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nframe')
    conn.write(await conn.readToEnd())
    conn.end()
    return false
  })
  const client = book.client()
  client.send(`${WEBSOCKET}\r\n\r\nfirst `)
  const head = await client.readHead()
  t.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLM/)
  t.match(head, /\r\nConnection: Upgrade\r\nUpgrade: websocket$/)
  t.equal((await client.reader.readBytes(5)).toString(), 'frame')
  client.socket.end('second')
  t.equal((await client.reader.readToEnd()).toString(), 'first second')
  t.match(await finished(book), { status: 101, bytesIn: 12, bytesOut: 17, termination: '--' })
  t.match(book.connections[0]?.heads.at(-1), /\r\nConnection: Upgrade\r\n.*Upgrade: websocket$/s)
})

t.test('an Upgrade that is answered 200 is an ordinary answer', async t => {
  const book = start(t, async (conn, request) => {
    if (request.head.includes('chunked'))
      conn.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n')
    else conn.respond('200 OK', 'plain')
  })
  for (const field of ['', '\r\nX-Want: chunked']) {
    const client = book.client()
    client.send(`${WEBSOCKET}${field}\r\n\r\n`)
    const answer = await client.readResponse()
    t.match(answer, { status: 200, text: 'plain' })
    t.same(answer.values('Connection'), ['close'])
    t.equal(await client.reader.closed(), 'end')
  }
  t.equal(book.connections.length, 1)
  t.match(await finished(book), { status: 200, bytesOut: 5, termination: '--' })
})

t.test('an answer to a CONNECT or an Upgrade that breaks off does not look complete', async t => {
  for (const request of [CONNECT, `${WEBSOCKET}\r\n\r\n`]) {
    for (const rest of [
      'Content-Length: 9\r\n\r\nshort',
      'Transfer-Encoding: chunked\r\n\r\n5\r\nshort',
    ]) {
      const book = start(t, conn => {
        conn.write(`HTTP/1.1 403 No\r\n${rest}`)
        setImmediate(() => setImmediate(() => conn.end()))
        return false
      })
      const client = book.client()
      client.send(request)
      await t.rejects(client.readResponse(), /The connection (ended|failed)/)
      t.match(await finished(book), { error: 'UPSTREAM_CLOSED' })
    }
  }
})

t.test('a CONNECT and a request share the sessions of the upstream', async t => {
  const book = start(t, (conn, request) =>
    request.head.startsWith('CONNECT') ? echo(conn, request) : answerOk(conn, request),
  )
  await book.get('http://site.test/')
  await tunnel(book.client())
  t.same(book.requests, ['GET', 'check type 1', 'check type 3', 'GET', 'CONNECT'])
  t.equal(book.connections.length, 1)
  t.match(await book.client().request(getRequest('http://site.test/')), { status: 200 })
  t.equal(book.connections.length, 2, 'a connection that became a tunnel is gone')
  t.same(book.requests.slice(5), ['GET type 1', 'GET type 3'])
})

async function tunnel(client: RawClient<WireEnd>): Promise<void> {
  client.send(CONNECT)
  t.match(await client.readHead(), /^HTTP\/1\.1 200/)
  client.socket.end('through')
  t.equal((await client.reader.readToEnd()).toString(), 'through')
}
