import t from 'tap'
import {
  answerOk,
  getRequest,
  ntlmProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'

const URL = 'http://site.test/'

/** Answers when it is told to. */
function held(): { serve: Serve; release: () => void } {
  let release: () => void = () => undefined
  const asked = new Promise<void>(resolve => (release = resolve))
  return {
    serve: async (conn, request) => {
      if (request.head.includes('/held')) await asked
      await answerOk(conn, request)
    },
    release: () => release(),
  }
}

t.test('a session is used again, without credentials', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() } })
  for (let round = 0; round < 5; round++) await book.get(URL)
  t.same(book.requests, ['GET', 'check type 1', 'check type 3', 'GET', 'GET', 'GET', 'GET', 'GET'])
  t.equal(book.connections.length, 1)
  await book.until(() => book.open === 0)
  const records = book.recorder.all('request.finished').map(({ record }) => record)
  t.match(records[4], { attempts: 1, connectMs: 0, authMs: 0, upstream: PROXY })
  t.match(book.recorder.all('session.reused').at(-1), { uses: 4 })
})

t.test('a session that its upstream closes while it is idle is not used', async t => {
  for (const end of ['end', 'reset'] as const) {
    const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() } })
    await book.get(URL)
    book.connections[0]?.[end]()
    await book.until(() => book.counts[0]?.idle === 0)
    t.match(await book.client().request(`POST ${URL} HTTP/1.1\nHost: a\nContent-Length: 0`), {
      status: 200,
    })
    t.match(book.recorder.all('request.finished').at(-1), { record: { attempts: 1 } })
  }
})

t.test('a session that dies under a request is replaced, where that is safe', async t => {
  const once: Serve = async (conn, request) => {
    if (conn.number > 1 || !request.head.includes('/dies')) return answerOk(conn, request)
    conn.end()
    return false
  }
  for (const [request, body, status] of [
    [getRequest(`${URL}dies`), '', 200],
    [`PUT ${URL}dies HTTP/1.1\nHost: a\nContent-Length: 4`, 'body', 200],
    [`POST ${URL}dies HTTP/1.1\nHost: a\nContent-Length: 4`, 'body', 502],
    ['CONNECT dies/dies:1 HTTP/1.1\nHost: a', '', 400],
  ] as const) {
    const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ serve: once }) } })
    await book.get(URL)
    t.equal((await book.client().request(request, body)).status, status, request)
    t.equal(book.recorder.count('upstream.down'), 0)
  }
})

t.test('bytes that nobody asked for end a session', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() } })
  await book.get(URL)
  book.connections[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
  await book.until(() => book.counts[0]?.idle === 0)
  t.match(await book.get(URL), { status: 200, text: `GET ${URL} 0\n` })
  t.match(book.recorder.all('session.closed')[0], {
    reason: 'bytes came that no request asked for',
  })
})

t.test('more bytes than the answer has end the session, and go nowhere', async t => {
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: ntlmProxy({ serve: conn => conn.respond('200 OK', 'oneHTTP/1.1 200 OK\r\n') }),
    },
  })
  book.hosts[PROXY] = ntlmProxy({
    serve: conn =>
      conn.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\n\r\n'),
  })
  t.match(await book.get(URL), { text: 'one' })
  t.match(await book.get(URL), { text: 'one' })
  t.equal(book.connections.length, 2)
})

t.test('idle sessions are closed after their time, each by its own', async t => {
  const { serve, release } = held()
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve }) },
    config: { sessionIdleMs: 100_000 },
  })
  await book.get(URL)
  const other = book.get(`${URL}held`)
  await book.until(() => book.requests.length === 5)
  await book.get(URL)
  await book.until(() => book.counts[0]?.idle === 1)
  await book.pass(60_000)
  release()
  await other
  t.equal(book.counts[0]?.idle, 2)
  await book.pass(50_000)
  t.equal(book.counts[0]?.idle, 1)
  await book.pass(60_000)
  t.same(book.counts, [{ idle: 0, spare: 0, busy: 0, connecting: 0, waiting: 0 }])
})

t.test('who waits for a session gets the next one that is free', async t => {
  const { serve, release } = held()
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve }) },
    config: { maxSessions: 1 },
  })
  const first = book.get(`${URL}held`)
  await book.until(() => book.requests.length === 4)
  const others = [book.get(`${URL}a`), book.get(`${URL}b`)]
  await book.until(() => book.counts[0]?.waiting === 2)
  t.same(book.counts, [{ idle: 0, spare: 0, busy: 1, connecting: 0, waiting: 2 }])
  release()
  for (const answer of [first, ...others]) t.match(await answer, { status: 200 })
  t.equal(book.connections.length, 1)
})

t.test('who waits too long is told so with 503', async t => {
  const { serve } = held()
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve }), 'spare.test:1': ntlmProxy() },
    config: { maxSessions: 1 },
  })
  void book.get(`${URL}held`).catch(() => undefined)
  await book.until(() => book.requests.length === 4)
  const waiting = book.get(URL)
  await book.until(() => book.counts[0]?.waiting === 1)
  await book.pass(61_000)
  t.match(await waiting, { status: 503, text: /POOL_TIMEOUT/ })
  t.match(book.recorder.all('request.finished').at(-1), { record: { termination: 'RQ' } })
  t.equal(book.counts[0]?.waiting, 0)
  t.equal(book.recorder.count('upstream.failed'), 0, 'that is not the fault of the upstream')
})

t.test('a client that leaves the queue leaves nothing in it', async t => {
  const { serve, release } = held()
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve }) },
    config: { maxSessions: 1 },
  })
  const first = book.get(`${URL}held`)
  await book.until(() => book.requests.length === 4)
  const client = book.client()
  client.send(`${getRequest(URL).replaceAll('\n', '\r\n')}\r\n\r\n`)
  await book.until(() => book.counts[0]?.waiting === 1)
  client.socket.resetAndDestroy()
  await book.until(() => book.counts[0]?.waiting === 0)
  release()
  t.match(await first, { status: 200 })
  await book.until(() => book.open === 0)
})

t.test('only so many sessions are made at once, however long the answers take', async t => {
  const { serve } = held()
  const book = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy({ serve, slow: true, bodyStyle: 'none' }) },
    config: { maxHandshakes: 3 },
  })
  await book.get(URL)
  for (let at = 0; at < 20; at++) void book.get(`${URL}held`).catch(() => undefined)
  let connecting = 0
  for (let turn = 0; turn < 600 && (turn < 10 || (book.counts[0]?.connecting ?? 0) > 0); turn++) {
    await book.pass(100, 1)
    connecting = Math.max(connecting, book.counts[0]?.connecting ?? 0)
  }
  t.equal(connecting, 3)
  await book.settle()
  t.same(book.counts, [{ idle: 0, spare: 0, busy: 20, connecting: 0, waiting: 0 }])
})
