import t from 'tap'
import {
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'

const URL = 'http://intra.corp/path?query'

type Test = Pick<typeof t, 'teardown'>

function start(test: Test, serve?: Serve, directToLocal = false): Playbook {
  const origin = openProxy(serve)
  return new Playbook(test, {
    hosts: {
      [PROXY]: ntlmProxy(),
      'intra.corp:80': origin,
      'intra.corp:443': origin,
      '127.0.0.1:80': origin,
      '169.254.169.254:80': origin,
    },
    config: { noProxy: ['*.corp', '127.0.0.*', '169.254.*'], directToLocal },
  })
}

t.test('a NoProxy target is asked directly, as an origin wants to be asked', async t => {
  const book = start(t)
  const fields = ['Proxy-Authorization: Basic YTpi', 'Proxy-Connection: keep-alive', 'X-a: 1']
  t.match(await book.get(URL, fields), { status: 200, text: 'GET /path?query 0\n' })
  t.same(book.dials, ['intra.corp:80'])
  const head = book.connections[0]?.heads[0] ?? ''
  t.match(head, /^GET \/path\?query HTTP\/1\.1\r\nHost: intra\.corp\r\nX-a: 1\r\nVia: 1\.1 tsntlm-/)
  t.match(head, /\r\nConnection: keep-alive$/)
  t.notMatch(head, /proxy-/i)
  t.match(await book.get('http://other.test/'), { status: 200 })
  t.equal(book.dials[1], PROXY)
})

t.test('connections to an origin are used again, and replaced when they died', async t => {
  const book = start(t)
  for (let round = 0; round < 3; round++) t.match(await book.get(URL), { status: 200 })
  t.equal(book.connections.length, 1)
  book.connections[0]?.end()
  await book.settle()
  const body = { status: 200, text: 'POST /path?query 4\n' }
  const post = `POST ${URL} HTTP/1.1\nHost: intra.corp\nContent-Length: 4`
  t.match(await book.client().request(post, 'body'), body)
  t.equal(book.connections.length, 2)
})

t.test('a CONNECT to a NoProxy target is a tunnel without any upstream', async t => {
  const book = start(t)
  book.hosts['intra.corp:443'] = async conn => {
    conn.write(await conn.readToEnd())
    conn.end()
  }
  const client = book.client()
  client.send('CONNECT intra.corp:443 HTTP/1.1\r\n\r\nearly ')
  t.match(await client.readHead(), /^HTTP\/1\.1 200/)
  client.socket.end('late')
  t.equal((await client.reader.readToEnd()).toString(), 'early late')
  t.same(book.dials, ['intra.corp:443'])
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { route: 'direct', bytesIn: 10 } }])
})

t.test("an origin's 401 that nothing here can answer goes to the client", async t => {
  const book = start(t, conn =>
    conn.respond('401 Unauthorized', 'log on', [
      'WWW-Authenticate: NTLM',
      'WWW-Authenticate: Basic',
    ]),
  )
  // It names NTLM and does not know what to do with it.
  const answer = await book.get(URL)
  t.match(answer, { status: 401, text: 'log on' })
  t.same(answer.values('WWW-Authenticate'), ['NTLM', 'Basic'])
  t.same(answer.values('Proxy-Support'), ['Session-Based-Authentication'])
})

t.test("the proxy's own host is not reached for somebody else, whatever the method", async t => {
  for (const target of ['127.0.0.1', '169.254.169.254']) {
    const book = start(t)
    const stranger = await book.client('192.0.2.7').request(getRequest(`http://${target}/`))
    t.match(stranger, { status: 403, text: /ROUTE_DENIED/ }, target)
    const tunnel = await book.client('192.0.2.7').request(`CONNECT ${target}:80 HTTP/1.1`)
    t.match(tunnel, { status: 403, text: /DirectToLocal/ })
    t.equal(book.connections.length, 0)

    t.match(await book.client('127.0.0.1').request(getRequest(`http://${target}/`)), {
      status: 200,
    })
    t.match(await book.client('::ffff:127.0.0.1').request(getRequest(`http://${target}/`)), {
      status: 200,
    })
    const again = await book.client('192.0.2.7').request(getRequest(`http://${target}/`))
    t.match(again, { status: 403 }, 'nor over a connection that was made for a local client')
  }
  const open = start(t, undefined, true)
  t.match(await open.client('192.0.2.7').request(getRequest('http://127.0.0.1/')), { status: 200 })
})

t.test(
  'the port of Admin is reached by clients of this host alone, whatever DirectToLocal says',
  async t => {
    const book = new Playbook(t, {
      hosts: { '127.0.0.1:9911': openProxy() },
      config: {
        noProxy: ['*'],
        directToLocal: true,
        admin: { host: '127.0.0.1', port: 9911 },
      },
    })
    const target = 'http://127.0.0.1:9911/'
    t.match(await book.client('192.0.2.7').request(getRequest(target)), { status: 403 })
    t.match(await book.client('192.0.2.7').request('CONNECT 127.0.0.1:9911 HTTP/1.1'), {
      status: 403,
    })
    t.match(await book.get(target), { status: 200 })
    t.match(await book.client('192.0.2.7').request(getRequest(target)), { status: 403 })
  },
)

t.test('an origin that cannot be reached is a clear error of its own', async t => {
  const book = start(t)
  t.match(await book.get('http://none.corp/'), { status: 502, text: /refused: none\.corp:80/ })
  t.match(await book.client().request('CONNECT none.corp:443 HTTP/1.1'), { status: 502 })
  t.match(await book.client().request(getRequest('ftp://intra.corp/x')), {
    status: 501,
    text: /ftp URLs go through CONNECT/,
  })
  t.equal(book.recorder.count('upstream.down'), 0)
  t.match(await book.get('http://other.test/'), { status: 200 })
})

t.test('a WebSocket to a NoProxy target goes straight to it', async t => {
  const book = start(t)
  book.hosts['intra.corp:80'] = async conn => {
    await conn.readHead()
    conn.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
    conn.write(await conn.readToEnd())
    conn.end()
  }
  const client = book.client()
  client.send(`GET ${URL} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
  t.match(await client.readHead(), /^HTTP\/1\.1 101 /)
  client.socket.end('frames')
  t.equal((await client.reader.readToEnd()).toString(), 'frames')
  t.match(book.connections[0]?.heads[0], /^GET \/path\?query .*\r\nUpgrade: websocket$/s)
})
