import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { ALICE, ntlmProxy, Playbook, PROXY } from '../harness/playbook.ts'
import {
  type BodyStyle,
  type Demand,
  type Script,
  type ScriptedConnection,
  tokenOf,
} from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/page'
/** Bare first, because the password is unproven: then one check, and the request behind it. */
const WHOLE_LOGON = ['GET', 'check type 1', 'check type 3', 'GET']

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

t.test('a challenge that says the connection ends is answered while it does not', async t => {
  const words: Pick<Demand, 'connectionLines' | 'version'>[] = [
    { connectionLines: ['Connection: close'] },
    { connectionLines: ['Connection: close', 'Proxy-Connection: Keep-Alive'] },
    { version: '1.0' },
  ]
  for (const demand of words) {
    const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy(demand) } })
    t.match(await book.get(URL), { status: 200 }, JSON.stringify(demand))
    t.equal(book.type3s, 1)

    const closing = new Playbook(t, {
      hosts: {
        [PROXY]: async conn => {
          const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
          if (conn.number === 1) {
            await conn.readHead()
            await conn.demand()
          }
          await conn.challenge({ acceptor, ...demand })
          await conn.readHead()
          conn.end()
        },
      },
    })
    t.match(await closing.get(URL), { status: 502 }, 'and one that ends is no refusal')
    const guard = closing.generation.guard?.status
    t.equal(guard?.state, 'unproven')
  }
})

t.test('a demand without length and body on a kept connection is no wait', async t => {
  const withoutLength: Script = async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
    await conn.readHead()
    if (conn.number === 1) {
      conn.write('HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nConnection: keep-alive\r\n\r\n')
      return await conn.hold()
    }
    const token = acceptor.challenge(tokenOf(conn.heads.at(-1) ?? '')).toString('base64')
    conn.write(
      `HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM ${token}\r\nConnection: keep-alive\r\n\r\n`,
    )
    const { verdict } = await conn.judge(acceptor)
    conn.respond(verdict.ok ? '200 OK' : '407 No', 'in\n')
    while ((await conn.nextHead()) !== undefined) conn.respond('200 OK', 'in\n')
  }
  const book = new Playbook(t, { hosts: { [PROXY]: withoutLength } })
  t.match(await book.passUntil(book.get(URL), 50), { status: 200, text: 'in\n' })
  t.ok(book.clock.now() <= 1_000, `${book.clock.now()} ms`)
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
      t.equal(book.type3s, 0, 'no AUTHENTICATE was sent')
      t.ok(book.connections.length <= 4, `${name}: ${book.connections.length} connections`)
      t.ok(sentBy(book) < 8 * 1024 * 1024, `${name}: ${sentBy(book)} bytes were read`)
      await book.until(() => book.open === 0)
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

t.test('a connection that breaks after the AUTHENTICATE costs one more logon at most', async t => {
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
    t.match(await book.passUntil(book.get(URL)), {
      status: 502,
      text: /closed before an answer/,
    })
    t.equal(book.type3s, 2)
    t.equal(book.recorder.count('guard.tripped'), 0)
  }
})
