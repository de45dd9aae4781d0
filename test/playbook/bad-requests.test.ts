import t from 'tap'
import { parseAddressRule } from '../../src/core/index.ts'
import { getRequest, ntlmProxy, Playbook, PROXY } from '../harness/playbook.ts'

const URL = 'http://site.test/'
const HOST = 'Host: site.test\r\n'

type Test = Pick<typeof t, 'teardown'>

function start(test: Test): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy() } })
}

/** What a broken or hostile client sends, and how it is answered. */
const BAD: Record<string, [request: string, status: number]> = {
  'origin form': [`GET /index.html HTTP/1.1\r\n${HOST}\r\n`, 400],
  'asterisk form': [`GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  'user information': [`GET http://alice:secret@site.test/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  'CONNECT without port': [`CONNECT site.test HTTP/1.1\r\n${HOST}\r\n`, 400],
  'CONNECT with user information': [
    `CONNECT bob:secret@site.test:443 HTTP/1.1\r\n${HOST}\r\n`,
    400,
  ],
  'CONNECT to a bad port': [`CONNECT site.test:99999 HTTP/1.1\r\n${HOST}\r\n`, 400],
  'CONNECT with a URL': [`CONNECT http://site.test:80 HTTP/1.1\r\n${HOST}\r\n`, 400],
  'no HTTP at all': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  'SOCKS 5': ['\x05\x01\x00', 400],
  'no Host': [`GET ${URL} HTTP/1.1\r\n\r\n`, 400],
  'a bare LF': [`GET ${URL} HTTP/1.1\n${HOST}X: 1\n\n`, 400],
  'space before a colon': [`GET ${URL} HTTP/1.1\r\n${HOST}X : 1\r\n\r\n`, 400],
  'a NUL': [`GET ${URL} HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
  'HTTP/9.9': [`GET ${URL} HTTP/9.9\r\n${HOST}\r\n`, 400],
  'two lengths': [
    `POST ${URL} HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    400,
  ],
  'length and chunked': [
    `POST ${URL} HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  'a coding besides chunked': [
    `POST ${URL} HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    501,
  ],
  'a header of 1 MiB': [`GET ${URL} HTTP/1.1\r\n${HOST}X: ${'a'.repeat(1_048_576)}\r\n\r\n`, 431],
  'a target of 1 MiB': [`GET ${URL}${'a'.repeat(1_048_576)} HTTP/1.1\r\n${HOST}\r\n`, 431],
  'an endless number of fields': [
    `GET ${URL} HTTP/1.1\r\n${HOST}${'a:b\r\n'.repeat(300_000)}`,
    431,
  ],
  'a body with Upgrade': [
    `POST ${URL} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx`,
    501,
  ],
}

t.test('bad requests are refused with a page that says why', async t => {
  const book = start(t)
  for (const [name, [request, status]] of Object.entries(BAD)) {
    const client = book.client()
    client.send(Buffer.from(request, 'latin1'))
    const answer = await client.readResponse()
    t.equal(answer.status, status, name)
    t.match(answer.values('Proxy-Status'), [/^tsntlm; error=http_request_error/], name)
    t.match(answer.text, /^tsntlm: /, name)
    client.destroy()
  }
  t.same(book.requests, [], 'no upstream hears of it')
  await book.until(() => book.open === 0)
  t.notMatch(JSON.stringify(book.recorder.events), /secret/)
})

t.test('a body of unknown coding, whose end cannot be known, ends the connection', async t => {
  const book = start(t)
  const client = book.client()
  client.send(`POST ${URL} HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\nbody`)
  t.ok(await client.reader.closed())
  await book.until(() => book.open === 0)
  t.same(book.requests, [])
})

t.test('a battery of bad input leaks nothing and holds nobody up', async t => {
  const book = start(t)
  for (let round = 0; round < 50; round++) {
    const bad = Object.values(BAD).map(async ([request], at) => {
      // A megabyte fifty times over proves no more than fifty times a part of it.
      const client = book.client()
      client.send(Buffer.from(request.slice(0, 200_000), 'latin1'))
      if ((at + round) % 3 === 0) client.socket.end()
      if ((at + round) % 3 === 1) client.socket.resetAndDestroy()
      else await client.readHead().catch(() => undefined)
      client.destroy()
    })
    const good = book.get(`${URL}${round}`)
    await Promise.all(bad)
    t.equal((await good).status, 200)
  }
  await book.until(() => book.open === 0)
  t.same(book.counts, [{ idle: 1, spare: 0, busy: 0, connecting: 0, waiting: 0 }])
  t.equal(book.recorder.count('bug'), 0)
  t.notMatch(JSON.stringify(book.recorder.events), /secret/)
})

t.test('a header that trickles in is cut off with 408, silence is not', async t => {
  const book = start(t)
  const silent = book.client()
  const slow = book.client()
  slow.send(`GET ${URL} HTTP/1.1\r\n`)
  const answer = slow.readResponse()
  await book.settle()
  for (let second = 0; second < 125; second += 5) {
    if (!slow.socket.destroyed && !slow.socket.writableEnded) slow.send('X: 1\r\n')
    await book.pass(5_000, 1)
  }
  t.match(await answer, { status: 408, text: /did not arrive in time/ })
  t.ok(await slow.reader.closed())
  const last = book.client()
  t.match(await last.request(getRequest(URL)), { status: 200 })
  await book.pass(115_000)
  t.match(await last.request(getRequest(URL)), { status: 200 }, 'keep-alive outlasts two minutes')
  silent.destroy()
})

t.test('a request that begins late in the idle time of its connection is not cut off', async t => {
  const book = start(t)
  const client = book.client()
  t.match(await client.request(getRequest(URL)), { status: 200 })
  await book.settle()
  await book.pass(59_000)
  client.send(`GET ${URL} HTTP/1.1\r\n`)
  await book.settle()
  await book.pass(2_000)
  client.send(`${HOST}\r\n`)
  t.match(await client.readResponse(), { status: 200 })
})

t.test('a connection without requests is closed after a while', async t => {
  const book = start(t)
  const client = book.client()
  await book.pass(125_000)
  t.equal(await client.reader.closed(), 'end')
})

t.test('a refused client that never closes its side is cut off soon', async t => {
  const denied = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy() },
    config: { acl: [{ action: 'deny', rule: parseAddressRule('10.0.0.0/8')! }] },
  })
  const stranger = denied.client('10.1.2.3')
  t.match(await stranger.readResponse(), {
    status: 403,
    text: /may not use the proxy: 10\.1\.2\.3\./,
  })
  t.match(denied.recorder.all('client.denied'), [{ rule: 'Deny 10.0.0.0/8' }])
  const garbage = denied.client()
  garbage.send('nonsense\r\n\r\n')
  t.match(await garbage.readResponse(), { status: 400 })
  const tunnel = denied.client()
  tunnel.send('CONNECT nowhere HTTP/1.1\r\n\r\n')
  t.match(await tunnel.readResponse(), { status: 400 })
  await denied.pass(10_000)
  for (const { socket } of [stranger, garbage, tunnel]) {
    socket.write('more')
    await denied.settle()
    t.ok(socket.destroyed)
  }
})

t.test('every field of a request counts, however many there are', async t => {
  const book = start(t)
  const fields = Array.from({ length: 3_000 }, (_, at) => `X-${at}: 1`)
  const head = `POST ${URL} HTTP/1.1\nHost: site.test\n${fields.join('\n')}\nContent-Length: 4`
  t.match(await book.client().request(head, 'body'), { status: 200, text: `POST ${URL} 4\n` })
})

t.test('what follows a request with Connection: close is not answered', async t => {
  const book = start(t)
  const client = book.client()
  const first = `GET ${URL}1 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
  client.send(`${first}GET ${URL}2 HTTP/1.1\r\n${HOST}\r\n`)
  await client.reader.closed()
  await book.until(() => book.open === 0)
  t.notOk(book.connections.some(({ heads }) => heads.some(head => head.includes(`${URL}2`))))
})

t.test(
  'a drain ends with the request that is being answered, whatever waits behind it',
  async t => {
    let finish: () => void = () => undefined
    const asked = new Promise<void>(resolve => (finish = resolve))
    const book = new Playbook(t, {
      hosts: {
        [PROXY]: ntlmProxy({
          serve: async conn => {
            await asked
            conn.respond('200 OK', 'last')
          },
        }),
      },
    })
    const client = book.client()
    const idle = book.client()
    client.send(`GET ${URL}1 HTTP/1.1\r\n${HOST}\r\nGET ${URL}2 HTTP/1.1\r\n${HOST}\r\n`)
    await book.until(() => book.requests.includes('GET'))
    const drained = book.frontends.http.drain()
    t.equal(await idle.reader.closed(), 'end')
    finish()
    const answer = await client.readResponse()
    t.match(answer, { status: 200, text: 'last' })
    t.same(answer.values('Connection'), ['close'])
    await book.until(() => book.open === 0)
    await drained
    t.ok(await client.reader.closed())
  },
)

t.test('a browser gets its error page in HTML, with nothing in it to be executed', async t => {
  const book = new Playbook(t, { hosts: {}, upstreams: ['proxy.test:1'] })
  const answer = await book.get('http://site.test/<script>', ['Accept: text/html,*/*'])
  t.equal(answer.status, 502)
  t.match(answer.values('Content-Type'), ['text/html; charset=utf-8'])
  t.match(answer.text, /<h1>502 Bad Gateway<\/h1>/)
  t.notMatch(answer.text, /<script>/)
})
