import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import {
  ALICE,
  answerOk,
  getRequest,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
  type Serve,
} from '../harness/playbook.ts'
import type { BodyStyle, Script, ScriptedConnection } from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/page'
const POST = `POST ${URL} HTTP/1.1\nHost: site.test`
const WHOLE_LOGON = ['check', 'check type 1', 'check type 3', 'GET']

t.test('the 407 may delimit its body in any way, and come byte by byte', async t => {
  for (const bodyStyle of ['length', 'chunked', 'none'] satisfies BodyStyle[]) {
    for (const slow of [false, true]) {
      const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ bodyStyle, slow }) } })
      t.match(await book.get(URL), { status: 200, text: `GET ${URL} 0\n` }, `${bodyStyle} ${slow}`)
      t.same(book.requests, WHOLE_LOGON)
      t.equal(book.connections.length, 1)
    }
  }
})

t.test('a bare 407 that ends the connection costs one more connection', async t => {
  const closings: Script[] = [
    conn => conn.demand({ bodyStyle: 'close' }),
    conn => conn.demand({ bodyStyle: 'close', version: '1.0' }),
    conn => conn.demand({ connectionLines: ['Connection: close'] }),
    conn => conn.demand({ connectionLines: ['Connection: Keep-Alive', 'Proxy-Connection: close'] }),
    conn => conn.demand({ version: '1.0' }),
    async conn => {
      await conn.demand()
      conn.end()
    },
  ]
  for (const close of closings) {
    const book = new Playbook(t, {
      hosts: {
        [PROXY]: async conn => {
          if (conn.number > 1) return await ntlmProxy()(conn)
          await conn.readHead()
          await close(conn)
        },
      },
    })
    t.match(await book.get(URL), { status: 200 }, close.toString())
    t.equal(book.connections.length, 2)
    t.equal(book.type3s, 1)
    t.notOk(book.connections[1]?.heads[0]?.includes('type 1'))
  }
})

t.test('the challenge is found among other schemes, on one line or many', async t => {
  const layouts: Record<string, (offer: string) => string[]> = {
    'NTLM last on one line': offer => [`Negotiate, Basic realm="a, b \\" NTLM c", ${offer}`],
    'NTLM first on one line': offer => [`${offer}, Negotiate, Basic realm="x"`],
    'a line each': offer => ['Negotiate', 'Kerberos', offer, 'Basic realm="NTLM x"'],
    'lower case': offer => ['basic realm=x', offer.replace('NTLM', 'ntlm')],
    'stray commas': offer => [`, ,Digest realm="a", nonce="b" ,, ${offer} ,`],
  }
  for (const [name, schemes] of Object.entries(layouts)) {
    const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ schemes }) } })
    t.match(await book.get(URL), { status: 200 }, name)
    t.same(book.requests, WHOLE_LOGON, name)
  }
})

t.test('where only Negotiate is offered, it carries raw NTLMSSP', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ scheme: 'Negotiate' }) } })
  t.match(await book.get(URL), { status: 200 })
  t.same(book.requests, WHOLE_LOGON)
  t.match(book.recorder.all('session.authenticated'), [{ scheme: 'Negotiate' }])
})

t.test('an upstream without NTLM is a clear 502, or passed over for the next one', async t => {
  const without: Script = async conn => {
    while ((await conn.nextHead()) !== undefined)
      await conn.demand({ schemes: ['Basic realm="x"', 'Digest realm="y", nonce="z"'] })
  }
  const alone = new Playbook(t, { hosts: { [PROXY]: without } })
  const refused = await alone.get(URL)
  t.match(refused, {
    status: 502,
    text: /does not offer NTLM: proxy\.test:8080 offers Basic, Digest/,
  })
  t.match(refused.values('Proxy-Status'), [/^tsntlm; error=proxy_configuration_error; details=/])
  t.match(refused.text, /AUTH_NOT_OFFERED/)
  t.equal(alone.type3s, 0)

  const nothing = new Playbook(t, {
    hosts: {
      [PROXY]: async conn => {
        while ((await conn.nextHead()) !== undefined) await conn.demand({ schemes: [] })
      },
    },
  })
  t.match(await nothing.get(URL), { status: 502, text: /offers no scheme at all/ })

  const two = new Playbook(t, {
    hosts: { 'proxy-a.test:1': without, 'proxy-b.test:2': ntlmProxy() },
  })
  t.match(await two.get(URL), { status: 200 })
  t.match(two.recorder.all('upstream.down'), [{ upstream: 'proxy-a.test:1' }])
  const dials = two.dials.length
  t.match(await two.get(URL), { status: 200 })
  t.equal(two.dials.length, dials, 'the second request does not ask the first upstream again')
})

/** Answers the NEGOTIATE of every connection in its own way. */
function answeringType1(answer: (conn: ScriptedConnection, token: string) => unknown): Script {
  return async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      const type1 = /^Proxy-Authorization: NTLM (\S+)/m.exec(head)?.[1]
      if (type1 === undefined) await conn.demand()
      else {
        const token = acceptor.challenge(Buffer.from(type1, 'base64')).toString('base64')
        await answer(conn, token)
      }
    }
    conn.end()
  }
}

t.test(
  'an upstream that never comes to a usable challenge is given up soon, with the reason',
  async t => {
    const cases: Record<string, [(conn: ScriptedConnection, token: string) => unknown, RegExp]> = {
      'closes with the challenge': [
        (conn, token) =>
          conn.demand({ schemes: [`NTLM ${token}`], connectionLines: ['Connection: close'] }),
        /closes the connection with its challenge/,
      ],
      'ends the connection after the challenge': [
        (conn, token) => conn.demand({ schemes: [`NTLM ${token}`], bodyStyle: 'close' }),
        /closes the connection with its challenge/,
      ],
      'forgets the handshake': [conn => conn.demand(), /without a challenge/],
      'sends two different challenges': [
        (conn, token) => conn.demand({ schemes: [`NTLM ${token}`, `NTLM ${token.slice(0, 40)}`] }),
        /several challenges at once/,
      ],
      'sends a challenge cut short': [
        (conn, token) => conn.demand({ schemes: [`NTLM ${token.slice(0, 28)}`] }),
        /NTLM challenge of the upstream proxy is malformed/,
      ],
      'sends no base64': [
        conn => conn.demand({ schemes: ['NTLM !!!!'] }),
        /NTLM challenge of the upstream proxy is malformed/,
      ],
      'sends a Type 1 back': [
        conn => conn.demand({ schemes: ['NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA='] }),
        /NTLM challenge of the upstream proxy is malformed/,
      ],
      'sends 60 KB of nonsense': [
        conn => conn.demand({ schemes: [`NTLM ${'A'.repeat(60_000)}`] }),
        /NTLM challenge of the upstream proxy is malformed/,
      ],
      'sends a challenge of 64 KiB': [
        conn => conn.demand({ schemes: [`NTLM ${'A'.repeat(65_536)}`] }),
        /header of the answer is too large/,
      ],
      'closes without an answer': [conn => conn.end(), /closed before an answer/],
      'resets the connection': [conn => conn.reset(), /closed before an answer/],
      'sends a body without end': [
        (conn, token) => {
          conn.write(`HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM ${token}\r\n`)
          conn.write('Content-Length: 1073741824\r\n\r\n')
          return conn.writeWithoutEnd('x'.repeat(16_384))
        },
        /closes the connection with its challenge/,
      ],
      'sends a header without end': [
        conn => {
          conn.write('HTTP/1.1 407 No\r\n')
          return conn.writeWithoutEnd(`X-Filler: ${'y'.repeat(4_000)}\r\n`)
        },
        /header of the answer is too large/,
      ],
      'sends 1xx without end': [
        conn => conn.writeWithoutEnd('HTTP/1.1 102 Processing\r\n\r\n'),
        /more than 32 informational/,
      ],
    }
    for (const [name, [answer, reason]] of Object.entries(cases)) {
      const book = new Playbook(t, { hosts: { [PROXY]: answeringType1(answer) } })
      const response = await book.get(URL)
      t.match(response, { status: 502, text: reason }, name)
      t.equal(book.type3s, 0, 'no AUTHENTICATE was shown')
      t.ok(book.connections.length <= 4, `${name}: ${book.connections.length} connections`)
      t.ok(sentBy(book) < 8 * 1024 * 1024, `${name}: ${sentBy(book)} bytes were read`)
      t.equal(book.open, 0)
    }
  },
)

function sentBy(book: Playbook): number {
  return book.connections.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
}

t.test('a bare 407 without end is cut, and the next connection logs on', async t => {
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: async conn => {
        if (conn.number > 1) return await ntlmProxy()(conn)
        await conn.readHead()
        conn.write(
          'HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 1073741824\r\n\r\n',
        )
        await conn.writeWithoutEnd('x'.repeat(16_384))
      },
    },
  })
  t.match(await book.get(URL), { status: 200 })
  t.ok(sentBy(book) < 2 * 1024 * 1024)
})

t.test('a 407 whose body does not go on is cut after ten seconds', async t => {
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: async conn => {
        if (conn.number > 1) return await ntlmProxy()(conn)
        await conn.readHead()
        conn.write('HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 100\r\n\r\nfew')
        await conn.hold()
      },
    },
  })
  const answer = book.get(URL)
  await book.until(() => book.connections[0]?.heads.length === 1)
  await book.pass(11_000)
  t.match(await answer, { status: 200 })
})

t.test(
  'a connection that breaks after the AUTHENTICATE shows the password once more at most',
  async t => {
    for (const end of ['end', 'reset'] as const) {
      const book = new Playbook(t, {
        hosts: {
          [PROXY]: async conn => {
            const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
            if (conn.number === 1) {
              await conn.readHead()
              await conn.demand()
            }
            await conn.challenge({ acceptor })
            await conn.readHead()
            conn[end]()
          },
        },
      })
      t.match(await book.get(URL), { status: 502, text: /closed before an answer/ })
      t.equal(book.type3s, 2)
      t.equal(book.recorder.count('guard.tripped'), 0)
    }
  },
)

t.test(
  'a session that is asked for a logon again logs on again, on the same connection',
  async t => {
    const forgetful = forgetAfter(1)
    const book = new Playbook(t, { hosts: { [PROXY]: forgetful } })
    t.match(await book.get(URL), { status: 200 })
    t.match(await book.get(URL), { status: 200, text: `GET ${URL} 0\n` })
    t.same(book.requests, [...WHOLE_LOGON, 'GET', 'GET type 1', 'GET type 3'])
    t.equal(book.connections.length, 1)
  },
)

t.test('a POST with a small body survives being asked for a logon in mid session', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: forgetAfter(1) } })
  await book.get(URL)
  const answer = await book.client().request(`${POST}\nContent-Length: 5`, 'small')
  t.match(answer, { status: 200, text: `POST ${URL} 5\n` })
  t.same(book.requests.slice(-3), ['POST', 'POST type 1', 'POST type 3'])
  const leg1 = book.connections
    .flatMap(conn => conn.heads)
    .find(head => /^POST.*TlRMTVNTUAAB/s.test(head))
  t.match(leg1, /\r\nContent-Length: 0(\r\n|$)/, 'the first leg has no body')
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

t.test(
  'an upstream that says nothing to a logon check gets the logon with the request itself',
  async t => {
    const picky: Script = async conn => {
      const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
      const head = await conn.readHead()
      if (head.includes('255.255.255.255')) return await conn.hold()
      await conn.demand({ schemes: [`NTLM ${challengeFor(acceptor, head)}`] })
      const { head: second, verdict } = await conn.judge(acceptor)
      conn.respond(verdict.ok ? '200 OK' : '407 No', second.split(' ')[0])
      await conn.hold()
    }
    const book = new Playbook(t, { hosts: { [PROXY]: picky } })
    const answer = book.get(URL)
    await book.until(() => book.connections[0]?.heads.length === 1)
    await book.pass(7_000)
    t.match(await answer, { status: 200, text: 'GET' })
    t.same(book.requests, ['check', 'GET type 1', 'GET type 3'])
  },
)

function challengeFor(acceptor: NtlmAcceptor, head: string): string {
  const type1 = /^Proxy-Authorization: NTLM (\S+)/m.exec(head)?.[1] ?? ''
  return acceptor.challenge(Buffer.from(type1, 'base64')).toString('base64')
}
