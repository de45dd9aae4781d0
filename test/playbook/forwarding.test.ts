import t from 'tap'
import type { RawClient } from '../harness/http-client.ts'
import {
  getRequest,
  ntlmProxy,
  type NtlmProxyOptions,
  Playbook,
  PROXY,
  type Serve,
  type Served,
} from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'

const URL = 'http://site.test/page'

type Test = Pick<typeof t, 'teardown'>

function start(test: Test, serve: Serve, options: NtlmProxyOptions = {}): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve, ...options }) } })
}

/** Answers 200 and keeps what it was asked. */
function recording(test: Test): { book: Playbook; requests: Served[] } {
  const requests: Served[] = []
  const book = start(test, (conn, request) => {
    requests.push(request)
    conn.respond('200 OK', 'ok')
  })
  return { book, requests }
}

function send(client: RawClient<WireEnd>, head: string): void {
  client.send(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`)
}

t.test('a chunked request goes on chunked, with its trailers', async t => {
  const { book, requests } = recording(t)
  const client = book.client()
  send(client, `POST ${URL} HTTP/1.1\nHost: site.test\nTransfer-Encoding: chunked\nTrailer: X-Sum`)
  client.send('5;ext=1\r\nhello\r\n')
  client.send('6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n')
  t.match(await client.readResponse(), { status: 200 })
  t.match(requests, [{ trailers: 'X-Sum: 42\r\n', head: /\r\nTransfer-Encoding: chunked(\r\n|$)/ }])
  t.equal(requests[0]?.body.toString(), 'hello world')
  t.match(requests[0]?.head, /\r\nTrailer: X-Sum\r\n/)
})

t.test('the legs of the logon for a chunked request are empty and not chunked', async t => {
  const { book, requests } = recording(t)
  const client = book.client()
  send(client, `POST ${URL} HTTP/1.1\nHost: site.test\nTransfer-Encoding: chunked`)
  client.send('3\r\nabc\r\n0\r\n\r\n')
  t.match(await client.readResponse(), { status: 200 })
  const heads = book.connections[0]?.heads ?? []
  t.same(
    heads.map(head => head.includes('Transfer-Encoding: chunked')),
    [false, false, true],
  )
  t.equal(requests[0]?.body.toString(), 'abc')
})

t.test('the head of an answer does not wait for its body', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    await conn.hold()
    return false
  })
  const client = book.client()
  send(client, getRequest(URL))
  t.match(await client.readHead(), /text\/event-stream/)
})

t.test('a chunked answer comes as it was, with its trailers', async t => {
  const book = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n')
    await conn.writeSlow('5\r\nfirst\r\n7;x="\\r"\r\n second\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n')
  })
  const client = book.client()
  const answer = await client.request(getRequest(URL))
  t.match(answer, { status: 200, text: 'first second', trailers: 'X-Sum: 1\r\nX-Sum: 2\r\n' })
  t.match(await client.request(getRequest(URL)), { text: 'first second' })
  t.equal(book.connections.length, 1)
})

t.test('an answer that ends with the connection ends the same way for the client', async t => {
  const book = start(t, conn => {
    conn.write('HTTP/1.1 200 OK\r\n\r\nuntil ')
    conn.write('the end')
    conn.end()
    return false
  })
  const client = book.client()
  const answer = await client.request(getRequest(URL))
  t.match(answer, { status: 200, text: 'until the end' })
  t.same(answer.values('Transfer-Encoding'), ['chunked'], 'so the connection of the client is kept')
  t.match(await client.request(getRequest(URL)), { text: 'until the end' })
  const old = book.client()
  t.match(await old.request(`GET ${URL} HTTP/1.0\nHost: site.test`), { text: 'until the end' })
})

t.test('HEAD, 204 and 304 have no body and keep the connections', async t => {
  const answers: Record<string, string> = {
    HEAD: 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n',
    GET: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 5000\r\n\r\n',
    DELETE: 'HTTP/1.1 204 No Content\r\n\r\n',
  }
  const book = start(t, (conn, { head }) => conn.write(answers[head.split(' ')[0] ?? ''] ?? ''))
  const client = book.client()
  for (const [method, length] of [
    ['HEAD', ['5000']],
    ['GET', ['5000']],
    ['DELETE', []],
  ] as const) {
    const answer = await client.request(`${method} ${URL} HTTP/1.1\nHost: site.test`)
    t.same(answer.values('Content-Length'), length, method)
    t.same(answer.values('Transfer-Encoding'), [], method)
  }
  t.equal(book.connections.length, 1)
  t.equal(book.requests.filter(text => text === 'HEAD').length, 2, 'bare, and behind the check')
})

t.test('an early hint is handed on, but not to an HTTP/1.0 client', async t => {
  const book = start(t, conn => {
    conn.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    conn.write('HTTP/1.1 103 Early Hints\r\nLink: </b>\r\nConnection: x\r\nX: 1\r\n\r\n')
    conn.respond('200 OK', 'page')
  })
  const client = book.client()
  send(client, getRequest(URL))
  t.equal(await client.readHead(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>')
  t.equal(await client.readHead(), 'HTTP/1.1 103 Early Hints\r\nLink: </b>')
  t.match(await client.readResponse(), { status: 200, text: 'page' })
  const old = book.client()
  send(old, `GET ${URL} HTTP/1.0`)
  t.match(await old.readHead(), /^HTTP\/1\.1 200 /)
})

t.test('100 Continue is said once, and only when the body is wanted', async t => {
  const book = start(
    t,
    async (conn, { head }) => {
      conn.write('HTTP/1.1 100 Continue\r\n\r\n')
      const { body } = await conn.readContent(head)
      conn.respond('200 OK', body.toString())
    },
    { leavesBody: true },
  )
  const client = book.client()
  send(client, `PUT ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 4\nExpect: 100-continue`)
  t.equal(await client.readHead(), 'HTTP/1.1 100 Continue')
  t.same(book.requests.slice(0, 2), ['check type 1', 'check type 3'], 'after the logon')
  client.send('data')
  t.match(await client.readHead(), /^HTTP\/1\.1 200 OK/)
  for (const connection of book.connections)
    t.notMatch(connection.heads.join(), /Expect/, 'it is answered here and not asked again')
})

t.test('a body that is not wanted is not asked for', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, password: 'wrong' })
  const client = book.client()
  send(client, `PUT ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 4\nExpect: 100-continue`)
  t.match(await client.readHead(), /^HTTP\/1\.1 502/)
})

t.test('an HTTP/1.0 client gets an answer without chunks, and its connection ends', async t => {
  const book = start(t, conn => {
    conn.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n0\r\n\r\n')
  })
  const client = book.client()
  const answer = await client.request(`GET ${URL} HTTP/1.0`)
  t.match(answer, { status: 200, text: 'old' })
  t.same(answer.values('Transfer-Encoding'), [])
  t.equal(await client.reader.closed(), 'end')
  t.match(book.connections[0]?.heads.at(-1), /^GET \S+ HTTP\/1\.1\r\nHost: site\.test\r\n/)
})

t.test('pipelined requests are answered in order, one after the other', async t => {
  let inProgress = 0
  const book = start(t, async (conn, { head }) => {
    t.equal(++inProgress, 1)
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    inProgress--
    conn.respond('200 OK', /\/([0-9]+) /.exec(head)?.[1])
  })
  const client = book.client()
  const numbers = Array.from({ length: 17 }, (_, at) => String(at))
  const bytes = numbers.map(at => `GET http://site.test/${at} HTTP/1.1\r\nHost: site.test\r\n\r\n`)
  client.send(bytes.join(''))
  for (const number of numbers) t.equal((await client.readResponse()).text, number)
  await book.until(() => book.open === 0)
  t.equal(book.recorder.count('request.finished'), 17)
})

t.test('the fields of a message keep their case, order and number', async t => {
  const fields = ['x-B: 1', 'X-a: 2', 'x-b: 3', 'Cookie: a=1', 'cookie: b=2', 'X-Latin: caf\xe9']
  const book = start(t, conn => {
    conn.write('HTTP/1.1 299 Fine, really\r\nset-cookie: a=1\r\nX-Z: z\r\nSet-Cookie: b=2\r\n')
    conn.write(Buffer.from('x-latin: caf\xe9\r\nContent-Length: 0\r\n\r\n', 'latin1'))
  })
  const client = book.client()
  client.send(Buffer.from(`${getRequest(URL, fields).replaceAll('\n', '\r\n')}\r\n\r\n`, 'latin1'))
  const answer = await client.readResponse()
  t.equal(
    answer.head.split('\r\nVia')[0],
    [
      'HTTP/1.1 299 Fine, really',
      'set-cookie: a=1',
      'X-Z: z',
      'Set-Cookie: b=2',
      'x-latin: caf\xe9',
      'Content-Length: 0',
    ].join('\r\n'),
  )
  const head = book.connections[0]?.heads.at(-1) ?? ''
  t.equal(
    head.split('\r\nVia')[0],
    [`GET ${URL} HTTP/1.1`, 'Host: site.test', ...fields].join('\r\n'),
  )
})

t.test('what is meant for one hop goes no further, and Via is added', async t => {
  const book = start(t, conn => {
    conn.write('HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n')
    conn.write('Proxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\nVia: 1.0 inner\r\n')
    conn.write('Upgrade: h2c\r\nContent-Length: 0\r\n\r\n')
  })
  const answer = await book.get(URL, [
    'Connection: X-Mine, keep-alive',
    'X-Mine: 1',
    'Proxy-Connection: keep-alive',
    'Keep-Alive: 300',
    'TE: trailers',
    'Proxy-Authorization: Digest YWxpY2U6aG9tZS1zZWNyZXQ=',
    'Authorization: Bearer for-the-origin',
    'Via: 1.1 browser',
  ])
  const head = book.connections[0]?.heads.at(-1) ?? ''
  for (const name of ['X-Mine', 'Keep-Alive', 'TE', 'Proxy-Authorization'])
    t.notMatch(head, new RegExp(`^${name}:`, 'm'))
  t.match(head, /\r\nAuthorization: Bearer for-the-origin\r\n/)
  t.match(head, /\r\nVia: 1\.1 browser\r\n.*\r?\n?Via: 1\.1 tsntlm-[0-9a-f]{8}\r\n/)
  for (const all of book.connections.flatMap(({ heads }) => heads)) t.notMatch(all, 'YWxpY2U6')
  for (const name of ['X-Hop', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection', 'Upgrade'])
    t.same(answer.values(name), [], name)
  t.match(answer.values('Via'), ['1.0 inner', /^1\.1 tsntlm-/])
})

t.test('Header directives replace and add fields, Host is that of the target', async t => {
  const requests: string[] = []
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: ntlmProxy({
        serve: (conn, { head }) => {
          requests.push(head)
          conn.respond('200 OK')
        },
      }),
    },
    config: {
      headers: [
        { name: 'User-Agent', value: 'Corp/1' },
        { name: 'X-Added', value: 'yes' },
      ],
    },
  })
  const fields = ['Host: other.test', 'user-agent: curl/8'].join('\n')
  await book.client().request(`GET http://Site.test:8000/a?b HTTP/1.1\n${fields}`)
  t.match(
    requests[0],
    /^GET http:\/\/Site\.test:8000\/a\?b HTTP\/1\.1\r\nHost: Site\.test:8000\r\n/,
  )
  t.match(requests[0], /\r\nUser-Agent: Corp\/1\r\n.*X-Added: yes\r\n/s)
  t.notMatch(requests[0], /curl|other\.test/)
})

t.test('a request that comes back is refused with 508', async t => {
  const book = start(t, async (conn, { head }) => {
    const via = /^Via: (.*)$/m.exec(head)?.[1] ?? ''
    const again = await book.get(URL, [`Via: 1.0 fred, ${via} (comment)`])
    const tunnel = await book.client().request(`CONNECT a.test:1 HTTP/1.1\nVia: ${via}`)
    conn.respond('200 OK', `${again.status} ${again.text} ${tunnel.status}`)
  })
  t.match(await book.get(URL), { text: /^508 .*LOOP_DETECTED.* 508$/s })
})
