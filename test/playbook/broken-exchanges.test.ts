import t from 'tap'
import type { RawClient } from '../harness/http-client.ts'
import {
  getRequest,
  ntlmProxy,
  type NtlmProxyOptions,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'

const URL = 'http://site.test/page'

type Test = Pick<typeof t, 'teardown'>

function start(test: Test, serve: Serve, options: NtlmProxyOptions = {}): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve, ...options }) } })
}

function send(client: RawClient<WireEnd>, head: string): void {
  client.send(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`)
}

t.test('a client that has finished sending still gets its answer', async t => {
  const book = start(t, conn => conn.respond('200 OK', 'ok'))
  for (const [head, body] of [
    [getRequest(URL), ''],
    [`POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 4`, 'body'],
  ] as const) {
    const client = book.client()
    send(client, head)
    client.socket.end(body)
    t.match(await client.readResponse(), { status: 200, text: 'ok' })
    t.equal(await client.reader.closed(), 'end')
  }
  t.same(book.requests.slice(3), ['GET', 'POST'])
  await book.until(() => book.open === 0)
})

t.test('a client that goes away takes its session along, and nobody is blamed', async t => {
  const body = Buffer.alloc(64 * 1024)
  const phases: Record<string, [string, (client: RawClient<WireEnd>) => unknown]> = {
    'while it uploads': [
      `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 1000000`,
      client => client.send(body),
    ],
    'while it uploads chunks': [
      `POST ${URL} HTTP/1.1\nHost: site.test\nTransfer-Encoding: chunked`,
      client => client.send('5\r\nhello\r\n'),
    ],
    'while it waits': [`GET ${URL}/wait HTTP/1.1\nHost: site.test`, () => undefined],
    'while it downloads': [
      `GET ${URL}/down HTTP/1.1\nHost: site.test`,
      client => client.readHead(),
    ],
  }
  for (const [name, [head, act]] of Object.entries(phases)) {
    for (const way of ['resetAndDestroy', 'destroy'] as const) {
      const book = start(
        t,
        async (conn, request) => {
          if (request.head.includes('/down')) {
            conn.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
            await conn.writeWithoutEnd('z'.repeat(16_384))
          } else if (request.head.includes('/quick')) {
            return conn.respond('200 OK')
          }
          await conn.hold()
          return false
        },
        { leavesBody: true },
      )
      await book.get(`${URL}/quick`)
      const client = book.client()
      send(client, head)
      await act(client)
      await book.until(() => book.connections[0]?.heads.length === 5)
      await book.settle()
      client.socket[way]()
      // A client that only closes may still be waiting for the answer (RFC 9112 section 9.6).
      const mayWait = name === 'while it waits' && way === 'destroy'
      if (mayWait) book.connections[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      await book.until(() => book.open === 0)
      const label = `${name}, ${way}`
      t.equal(book.counts[0]?.idle, mayWait ? 1 : 0, label)
      t.equal(book.recorder.count('upstream.failed'), 0, label)
      const last = book.recorder.all('request.finished').at(-1)?.record
      if (!mayWait) t.match(last, { error: 'CLIENT_ABORTED', termination: /^C/ }, label)
    }
  }
})

t.test('an answer that breaks off never looks complete', async t => {
  const heads = {
    length: 'Content-Length: 1000\r\n\r\nsome',
    chunked: 'Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n',
    'cut in a chunk': 'Transfer-Encoding: chunked\r\n\r\n400\r\nsome',
    garbage: 'Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nxyz\r\n',
  }
  for (const [name, rest] of Object.entries(heads)) {
    for (const version of ['1.1', '1.0']) {
      for (const end of ['end', 'reset'] as const) {
        const book = start(t, conn => {
          conn.write(`HTTP/1.1 200 OK\r\n${rest}`)
          setImmediate(() => setImmediate(() => conn[end]()))
          return false
        })
        const client = book.client()
        send(client, `GET ${URL} HTTP/${version}\nHost: site.test`)
        await t.rejects(
          client.readResponse(),
          /The connection (ended|failed)/,
          `${name} ${version}`,
        )
        await book.until(() => book.open === 0)
        t.match(book.recorder.all('request.finished').at(-1), {
          record: { status: 200, termination: 'SD', error: /^UPSTREAM_/ },
        })
      }
    }
  }
})

t.test('an answer that comes before the body was read ends the upload, not the client', async t => {
  const book = start(
    t,
    async (conn, { head }) => {
      if (!head.startsWith('POST')) return conn.respond('200 OK')
      await conn.readBody(1000)
      conn.respond('413 Content Too Large', 'enough')
      await conn.hold()
      return false
    },
    { leavesBody: true },
  )
  const client = book.client()
  send(client, `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3000000`)
  client.send(Buffer.alloc(100_000))
  t.match(await client.readResponse(), { status: 413, text: 'enough' })
  t.notOk(client.socket.destroyed, 'the answer can be read in peace')
  await book.until(() => book.open === 0)
  t.equal(book.counts[0]?.idle, 0, 'the session is in the middle of a request: it cannot be used')

  const rest = Buffer.alloc(2_900_000)
  const whole = client.socket.write(rest)
  t.notOk(whole)
  await book.until(() => client.socket.writableLength === 0)
  t.match(await client.request(getRequest(URL)), { status: 200 }, 'a body sent to its end is read')
})

t.test('a client that goes on sending a body nobody reads is cut off in the end', async t => {
  const book = start(
    t,
    async conn => {
      conn.respond('413 Content Too Large', 'enough')
      await conn.hold()
      return false
    },
    { leavesBody: true },
  )
  const client = book.client()
  send(client, `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3000000`)
  client.send(Buffer.alloc(100_000))
  t.match(await client.readResponse(), { status: 413 })
  await book.settle()
  for (let second = 0; second < 25; second += 4) {
    client.send(Buffer.alloc(1000))
    await book.pass(4_000, 4)
    t.notOk(client.socket.destroyed, 'a body that goes on coming is read for a while')
  }
  client.send(Buffer.alloc(1000))
  await book.pass(121_000)
  t.ok(await client.reader.closed())
  t.equal((await client.reader.readToEnd()).length, 0, 'there is no second answer')
  t.same(book.recorder.all('client.malformed'), [])
})

t.test('a slow reader slows the upstream down instead of filling the memory', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
    await conn.writeWithoutEnd('z'.repeat(65_536))
    return false
  })
  const client = book.client()
  send(client, getRequest(URL))
  await client.readHead()
  client.reader.detach()
  await book.settle()
  const written = book.connections[0]?.bytesWritten ?? 0
  await book.settle()
  t.equal(book.connections[0]?.bytesWritten, written, 'it stands still')
  t.ok(written < 1_000_000, `${written} bytes are on their way`)
})

t.test('a slow sender of a body is not read ahead', async t => {
  const book = start(
    t,
    async conn => {
      conn.socket.pause()
      await new Promise(() => undefined)
    },
    { leavesBody: true },
  )
  const client = book.client()
  send(client, `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 100000000`)
  for (let at = 0; at < 100; at++) client.send(Buffer.alloc(65_536))
  await book.settle()
  t.ok(client.socket.writableLength > 6_000_000, 'what nobody reads stays with the client')
})

t.test('a session is not held up by the slow reader it served last', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
    await book.settle()
    conn.write('x'.repeat(100_000))
  })
  await book.get(URL)
  const slow = book.client()
  slow.reader.detach()
  send(slow, getRequest(URL))
  await book.until(() => book.requests.length === 5 && book.counts[0]?.idle === 1)
  t.match(await book.get(URL), { status: 200 })
  t.equal(book.connections.length, 1)
  await book.settle()
  t.equal(book.frontends.http.requestsInProgress, 1, 'the slow one is still at it')
})
