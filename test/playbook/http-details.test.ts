import t from 'tap'
import { parseAddressRule } from '../../src/core/index.ts'
import type { RawClient } from '../harness/http-client.ts'
import { getRequest, openProxy, Playbook, PROXY, type Serve } from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'

type Test = Pick<typeof t, 'teardown'>

const URL = 'http://site.test/'
const HOST = 'Host: site.test\r\n'

function start(test: Test, serve?: Serve): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: openProxy(serve) } })
}

/** What the upstream was sent, without checks of the logon. */
function heads(book: Playbook): string[] {
  return book.connections.flatMap(conn => conn.heads.filter(head => !head.includes('255.255')))
}

const writes =
  (bytes: string): Serve =>
  conn =>
    conn.write(Buffer.from(bytes, 'latin1'))

t.test('a body whose end nobody can tell is refused before anything goes out', async t => {
  const cases: [fields: string, body: string, status: number, error: string][] = [
    ['Transfer-Encoding: ', '', 400, 'BAD_REQUEST'],
    ['Transfer-Encoding: ,', '', 400, 'BAD_REQUEST'],
    ['Transfer-Encoding: ,\r\nContent-Length: 2', 'hi', 400, 'BAD_REQUEST'],
    ['Transfer-Encoding: xchunked', '0\r\n\r\n', 501, 'NOT_SUPPORTED'],
    ['Transfer-Encoding: gzip', 'hi', 501, 'NOT_SUPPORTED'],
    ['Transfer-Encoding: gzip, chunked', '0\r\n\r\n', 501, 'NOT_SUPPORTED'],
    ['Transfer-Encoding: chunked, chunked', '0\r\n\r\n', 400, 'BAD_REQUEST'],
  ]
  for (const [fields, body, status, error] of cases) {
    for (const method of ['POST', 'GET']) {
      const book = start(t)
      const client = book.client()
      client.send(`${method} ${URL} HTTP/1.1\r\n${HOST}${fields}\r\n\r\n${body}`)
      const answer = await client.readResponse()
      t.equal(answer.status, status, fields)
      t.same(answer.values('Connection'), ['close'], fields)
      t.equal((await client.reader.readToEnd()).length, 0, 'there is one answer')
      await book.until(() => book.open === 0)
      t.same(heads(book), [], fields)
      const records = book.recorder.all('request.finished')
      const malformed = book.recorder.all('client.malformed').map(event => event.error)
      t.match([...records.map(({ record }) => record.error), ...malformed], [error], fields)
    }
  }
})

t.test('a chunk that is none is answered 400, and the log says so', async t => {
  for (const body of ['zz\r\n', '5\r\nhelloXX', '5\r\nhello\r\n-1\r\n']) {
    const book = start(t)
    const client = book.client()
    client.send(`POST ${URL} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`)
    await book.settle()
    client.send(body)
    const answer = await client.readResponse()
    t.equal(answer.status, 400, body)
    t.equal((await client.reader.readToEnd()).length, 0)
    await book.until(() => book.open === 0)
    t.match(book.recorder.all('request.finished'), [
      { record: { status: 400, error: 'BAD_REQUEST', detail: /HPE_/ } },
    ])
  }
})

t.test('what is no request is answered behind the requests before it', async t => {
  const book = start(t)
  const client = book.client()
  client.send(
    `GET ${URL}1 HTTP/1.1\r\n${HOST}\r\nGET ${URL}2 HTTP/1.1\r\n${HOST}\r\nnonsense\r\n\r\n`,
  )
  t.match(await client.readResponse(), { status: 200, text: /1 0$/m })
  t.match(await client.readResponse(), { status: 200, text: /2 0$/m })
  t.match(await client.readResponse(), { status: 400 })
  t.equal(await client.reader.closed(), 'end')
})

t.test('trailers that decide on something stay behind, in both directions', async t => {
  let trailers = ''
  const book = start(t, (conn, request) => {
    trailers = request.trailers
    conn.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nDigest: b\r\nProxy-Authenticate: NTLM\r\nSet-Cookie: a\r\n\r\n',
    )
  })
  const client = book.client()
  client.send(
    `POST ${URL} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\nDigest: a\r\nProxy-Authorization: Basic x\r\nHost: evil\r\nConnection: X-Hop\r\n\r\n`,
  )
  const answer = await book.passUntil(client.readResponse())
  t.equal(answer.status, 200)
  t.equal(trailers.trim(), 'Digest: a')
  t.equal(answer.trailers.trim(), 'Digest: b')
})

t.test(
  'a change of protocol that nobody asked for is an error, and its connection is closed',
  async t => {
    const book = start(
      t,
      writes('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nmore'),
    )
    for (const request of [
      getRequest(URL),
      'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443',
    ]) {
      const answer = await book.client().request(request)
      t.match(answer, { status: 502, text: /UPSTREAM_PROTOCOL/ })
    }
    await book.until(() => book.open === 0)
    t.equal(book.counts[0]?.idle, 0)
  },
)

t.test('Max-Forwards: counted down, and answered here at nought', async t => {
  const book = start(t)
  const ask = (method: string, value: string): ReturnType<RawClient<WireEnd>['request']> =>
    book
      .client()
      .request(`${method} ${URL} HTTP/1.1\nHost: a\nCookie: secret\nX-A: b\nMax-Forwards: ${value}`)
  for (const [method, value, passed] of [
    ['OPTIONS', '5', '4'],
    ['TRACE', '1', '0'],
    ['TRACE', '99999999999999999999', '999999998'],
    ['OPTIONS', 'many', 'many'],
    ['GET', '0', '0'],
  ] as const) {
    t.match(await ask(method, value), { status: 200 })
    t.match(heads(book).at(-1), new RegExp(`^${method} [^]*\r\nMax-Forwards: ${passed}(?:\r|$)`))
  }
  const before = heads(book).length
  t.match(await ask('OPTIONS', '0'), { status: 200, text: '' })
  const trace = await ask('TRACE', '0')
  t.match(trace, { status: 200, text: /^TRACE http:\/\/site\.test\/ HTTP\/1\.1\r\n[^]*X-A: b\r\n/ })
  t.same(trace.values('Content-Type'), ['message/http'])
  t.notMatch(trace.text, /secret/)
  t.equal(heads(book).length, before, 'no upstream hears of it')
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished').at(-1), {
    record: { method: 'TRACE', status: 200 },
  })
})

t.test(
  'an expectation that nobody can meet is answered 417, in its turn and in the log',
  async t => {
    const book = start(t)
    const client = book.client()
    client.send(
      `GET ${URL} HTTP/1.1\r\n${HOST}\r\nGET ${URL} HTTP/1.1\r\n${HOST}Expect: wonders\r\n\r\n`,
    )
    t.match(await client.readResponse(), { status: 200 })
    t.match(await client.readResponse(), { status: 417, text: /EXPECTATION_FAILED/ })
    await book.until(() => book.open === 0)
    t.match(book.recorder.all('request.finished').at(-1), {
      record: { status: 417, error: 'EXPECTATION_FAILED', termination: 'CR' },
    })
  },
)

t.test('clients with IPv6 addresses are written with brackets', async t => {
  const book = start(t)
  await book.client('::1').request(getRequest(URL))
  const bad = book.client('::1')
  bad.send('nonsense\r\n\r\n')
  await bad.readResponse()
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished')[0], { record: { client: '[::1]:40001' } })
  t.match(book.recorder.all('client.malformed')[0], { client: '[::1]:40002' })
})

t.test('pages of the proxy have a date', async t => {
  const book = start(t)
  for (const request of [
    'GET / HTTP/1.1\nHost: a',
    'CONNECT a HTTP/1.1\nHost: a',
    'NONSENSE',
    'OPTIONS * HTTP/1.1\nHost: a',
  ]) {
    const answer = await book.client().request(request)
    t.match(
      answer.values('Date'),
      [/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/],
      request,
    )
  }
})

t.test('a target with an IPv6 zone is refused', async t => {
  const book = start(t)
  for (const request of [
    'CONNECT [fe80::1%25eth0]:443 HTTP/1.1\nHost: a',
    'GET http://[::1%25lo]/ HTTP/1.1\nHost: a',
  ])
    t.match(await book.client().request(request), { status: 400, text: /BAD_TARGET/ })
  t.same(book.dials, [])
})

t.test('answers that are not as they should be, and harm nobody, go on byte for byte', async t => {
  const many = Array.from({ length: 900 }, (_, at) => `X-${at}: ${at}\r\n`).join('')
  const cases: [name: string, bytes: string, head: RegExp, keeps: boolean][] = [
    [
      'control characters',
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01b\x7f\r\nContent-Length: 2\r\n\r\nok',
      /Set-Cookie: a=\x01b\x7f\r\n/,
      true,
    ],
    [
      'control characters, chunked',
      'HTTP/1.1 200 OK\r\nX: \x01\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      /X: \x01\r\n/,
      true,
    ],
    [
      'chunk sizes with spaces',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2   \r\nok\r\n0   \r\n\r\n',
      /200/,
      true,
    ],
    ['many fields', `HTTP/1.1 200 OK\r\n${many}Content-Length: 2\r\n\r\nok`, /X-899: 899/, true],
    ['bare LF', 'HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nok', /X: y\r\n/, false],
  ]
  for (const [name, bytes, head, keeps] of cases) {
    const book = start(t, writes(bytes))
    const answer = await book.client().request(getRequest(URL))
    t.match(answer, { status: 200, text: 'ok', head }, name)
    await book.until(() => book.open === 0)
    t.equal(book.counts[0]?.idle, keeps ? 1 : 0, name)
    t.match(
      book.recorder.all('request.finished'),
      [{ record: { status: 200, error: undefined } }],
      name,
    )
    t.equal(book.recorder.count('upstream.failed'), 0, name)
  }
})

t.test(
  'an answer that goes round node:http ends its connection, whatever is asked behind it',
  async t => {
    const book = start(t, writes('HTTP/1.1 200 OK\r\nX: \x01\r\nContent-Length: 2\r\n\r\nok'))
    const client = book.client()
    client.send(`GET ${URL}1 HTTP/1.1\r\n${HOST}\r\nGET ${URL}2 HTTP/1.1\r\n${HOST}\r\n`)
    const answer = await client.readResponse()
    t.same([answer.text, answer.values('Connection')], ['ok', ['close']])
    client.send(`GET ${URL}3 HTTP/1.1\r\n${HOST}\r\n`)
    t.equal((await client.reader.readToEnd()).length, 0)
    t.equal(heads(book).length, 1)
  },
)

t.test('Deny holds for a connection that is kept open from its next request on', async t => {
  const book = start(t)
  const client = book.client('10.1.2.3')
  const other = book.client('10.9.9.9')
  t.match(await client.request(getRequest(URL)), { status: 200 })
  Object.assign(book.generation.deps, {
    acl: [{ action: 'deny', rule: parseAddressRule('10.1.0.0/16') }],
  })
  const refused = await client.request(getRequest(URL))
  t.match(refused, { status: 403, text: /CLIENT_DENIED/ })
  t.same(refused.values('Connection'), ['close'])
  t.equal(await client.reader.closed(), 'end')
  t.match(book.recorder.all('client.denied'), [
    { client: '10.1.2.3:40001', rule: 'Deny 10.1.0.0/16' },
  ])
  t.match(await other.request(getRequest(URL)), { status: 200 })
})

t.test('at MaxClients the connection that is idle for longest makes room', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: openProxy() }, config: { maxClients: 3 } })
  const [first, second, third] = [book.client(), book.client(), book.client()]
  for (const client of [second, first, third]) {
    t.match(await client.request(getRequest(URL)), { status: 200 })
    await book.settle()
  }
  t.match(await second.request(getRequest(URL)), { status: 200 }, 'it is not the idlest any more')
  await book.settle()
  t.match(await book.client().request(getRequest(URL)), { status: 200 })
  t.equal(await first.reader.closed(), 'end')
  t.same([second.socket.destroyed, third.socket.readableEnded], [false, false])
  t.same(book.recorder.all('client.refused'), [])
})
