import t from 'tap'
import {
  answerOk,
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { Script } from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/page'
const POST = `POST ${URL} HTTP/1.1\nHost: site.test`
const WHOLE_LOGON = ['GET', 'check type 1', 'check type 3', 'GET']

t.test(
  'a session that is asked for a logon again logs on again, on the same connection',
  async t => {
    const forgetful = forgetAfter(1)
    const book = new Playbook(t, { hosts: { [PROXY]: forgetful } })
    t.match(await book.get(URL), { status: 200 })
    t.match(await book.get(URL), { status: 200, text: `GET ${URL} 0\n` })
    t.same(book.requests, [...WHOLE_LOGON, 'GET', 'check', 'GET type 1', 'GET type 3'])
    t.equal(book.connections.length, 1)
  },
)

t.test('a POST with a small body survives being asked for a logon in mid session', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: forgetAfter(1) } })
  await book.get(URL)
  const answer = await book.client().request(`${POST}\nContent-Length: 5`, 'small')
  t.match(answer, { status: 200, text: `POST ${URL} 5\n` })
  t.same(book.requests.slice(-5), ['POST', 'check', 'check type 1', 'check type 3', 'POST'])
  t.equal(book.connections.length, 1)
})

t.test('a POST whose body is too large to be sent twice gets an honest 502', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: forgetAfter(1) } })
  await book.get(URL)
  const client = book.client()
  const answer = await client.request(`${POST}\nContent-Length: 300000`, Buffer.alloc(300_000, 'x'))
  t.match(answer, { status: 502, text: /AUTH_STATE_LOST/ })
  t.match(answer.text, /asked for a new logon when part of the request body was already sent/)
  t.equal(book.recorder.count('upstream.down'), 0)
  t.match(await book.get(URL), { status: 200 }, 'and the next request is served')
})

/** Logs on, serves so many requests on a connection, then forgets that it was logged on. */
function forgetAfter(requests: number): Script {
  return async conn => {
    for (;;) {
      let served = 0
      await ntlmProxy({
        serve: async (same, request) => {
          await answerOk(same, request)
          return ++served < requests
        },
      })(conn)
      const head = await conn.nextHead()
      if (head === undefined) return
      await conn.readContent(head)
      await conn.demand()
    }
  }
}

t.test('an upstream that wants no logon executes everything exactly once, as it came', async t => {
  const seen: string[] = []
  const serve: Serve = (conn, { head, body }) => {
    seen.push(`${head.split(' ')[0]} ${body.toString()}`)
    conn.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
    if (!head.startsWith('HEAD')) conn.write('ok')
  }
  for (const request of [
    [getRequest(URL), 'GET '],
    [`${POST}\nContent-Length: 4`, 'POST body', 'body'],
    [`HEAD ${URL} HTTP/1.1\nHost: site.test`, 'HEAD '],
    [`POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 0`, 'POST '],
  ] as const) {
    const book = new Playbook(t, { hosts: { [PROXY]: openProxy(serve) } })
    const client = book.client()
    t.match(await client.request(request[0], request[2]), { status: 200 })
    t.same(seen.splice(0), [request[1]])
    t.equal(book.type3s, 0)
    t.equal(book.requests.includes('type 1'), false)
    t.match(await client.request(request[0], request[2]), { status: 200 }, 'again')
    t.same(seen.splice(0), [request[1]])
  }
})

t.test('an open upstream that closes after each answer serves bodies too', async t => {
  const seen: string[] = []
  const serve: Serve = (conn, { head, body }) => {
    seen.push(`${head.split(' ')[0]} ${body.toString()}`)
    conn.write('HTTP/1.0 200 OK\r\n\r\ndone')
    conn.end()
    return false
  }
  const script: Script = async conn => {
    const head = await conn.readHead()
    await serve(conn, { head, ...(await conn.readContent(head)) })
  }
  const book = new Playbook(t, { hosts: { [PROXY]: script } })
  t.match(await book.client().request(`${POST}\nContent-Length: 4`, 'body'), { text: 'done' })
  t.match(await book.get(URL), { text: 'done' })
  t.same(
    seen.filter(text => text !== 'GET '),
    ['POST body'],
  )
})

t.test(
  'an answer straight after the NEGOTIATE is the answer, and a body still goes along once',
  async t => {
    const bodies: string[] = []
    const surrogate: Script = async conn => {
      // The first connection is asked to log on; from then on the address of the client is known.
      if (conn.number === 1) return await ntlmProxy()(conn)
      await openProxy((same, request) => {
        bodies.push(`${request.head.split(' ')[0]} ${request.body.toString()}`)
        return answerOk(same, request)
      })(conn)
    }
    for (const method of ['GET', 'POST']) {
      const book = new Playbook(t, { hosts: { [PROXY]: surrogate } })
      await book.get(URL)
      book.connections[0]?.end()
      await book.until(() => book.counts[0]?.idle === 0)
      const body = method === 'POST' ? 'once' : ''
      const fields = method === 'POST' ? '\nContent-Length: 4' : ''
      const answer = await book
        .client()
        .request(`${method} ${URL} HTTP/1.1\nHost: site.test${fields}`, body)
      t.match(answer, { status: 200, text: `${method} ${URL} ${body.length}\n` })
      t.equal(book.type3s, 1)
      t.same(
        bodies.splice(0).filter(text => text.includes('once')),
        method === 'POST' ? ['POST once'] : [],
      )
    }
  },
)

t.test('an HTTP/1.0 upstream keeps its connection by Proxy-Connection', async t => {
  const lines = ['Proxy-Connection: keep-alive']
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: ntlmProxy({
        version: '1.0',
        connectionLines: lines,
        serve: conn =>
          conn.write(
            'HTTP/1.0 200 OK\r\nProxy-Connection: Keep-Alive\r\nContent-Length: 3\r\n\r\nold',
          ),
      }),
    },
  })
  t.match(await book.get(URL), { status: 200, text: 'old' })
  t.match(await book.get(URL), { status: 200, text: 'old' })
  t.same(book.requests, [...WHOLE_LOGON, 'GET'])
  for (const head of book.connections[0]?.heads ?? [])
    t.match(head, /\r\nConnection: keep-alive\r\nProxy-Connection: keep-alive/)
})
