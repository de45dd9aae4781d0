import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import {
  answerOk,
  getRequest,
  isLogonCheck,
  ntlmProxy,
  openProxy,
  Playbook,
  type PlaybookOptions,
  PROXY,
  type Reached,
  type Serve,
} from '../harness/playbook.ts'
import type { Script, ScriptedConnection } from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/'
const BAD = 'http://bad.test/'
const FIRST = 'proxy-a.test:1'
const SECOND = 'proxy-b.test:2'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'

type Test = Pick<typeof t, 'teardown'>

function start(
  test: Test,
  hosts: PlaybookOptions['hosts'],
  config: Partial<Config> = {},
): Playbook {
  return new Playbook(test, { hosts, config })
}

/** Dials to one upstream whose n-th is another than all others. */
function except(at: number, one: Reached, others: Reached): Record<string, Reached> {
  let dials = 0
  return {
    get [PROXY](): Reached {
      return ++dials === at ? one : others
    },
  }
}

function blamed(book: Playbook): string[] {
  return book.recorder.all('upstream.down').map(({ upstream }) => upstream)
}

/** What an origin can bring an upstream to hand on, or to do, in answer to a request. */
const BAD_ANSWERS: Record<string, (conn: ScriptedConnection) => void> = {
  'a NUL in a field': conn =>
    conn.write('HTTP/1.1 200 OK\r\nSet-Cookie: a=\0b\r\nContent-Length: 2\r\n\r\nok'),
  'contradicting lengths': conn =>
    conn.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'),
  'a header without end': conn => conn.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`),
  'no HTTP': conn => conn.write('SSH-2.0-OpenSSH_9.6\r\n'),
  'a part of a header': conn => {
    conn.write('HTTP/1.1 200 OK\r\nCont')
    conn.end()
  },
  'an end': conn => conn.end(),
  'a reset': conn => conn.reset(),
}

const isBad = (head: string): boolean => head.includes('bad.test')

for (const [name, answer] of Object.entries(BAD_ANSWERS)) {
  const serve: Serve = (conn, request) => {
    if (!isBad(request.head)) return answerOk(conn, request)
    answer(conn)
    return false
  }
  const kinds: Record<string, () => Script> = {
    'logs clients on': () => ntlmProxy({ serve }),
    'is open': () => openProxy(serve),
    'wants no logon for that site': () => async conn => {
      for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
        await conn.readContent(head)
        if (isBad(head)) return answer(conn)
        if (isLogonCheck(head)) await conn.demand()
        else conn.respond('200 OK', 'ok')
      }
    },
  }
  for (const [kind, script] of Object.entries(kinds)) {
    t.test(
      `an origin that answers with ${name} costs nobody else, the upstream ${kind}`,
      async t => {
        const book = start(t, { [FIRST]: script(), [SECOND]: script() })
        if (kind !== 'wants no logon for that site')
          await Promise.all(Array.from({ length: 8 }, () => book.get(URL)))
        for (let round = 0; round < 6; round++) {
          t.match(await book.get(BAD), { status: 502 })
          await book.pass(1_000, 1)
        }
        await book.settle()
        t.same(blamed(book), [])
        if (kind === 'wants no logon for that site') return
        const dials = book.dials.length
        t.match(await book.get(URL), { status: 200 })
        t.equal(book.dials.length, dials, 'the session that was kept serves on')
      },
    )
  }
}

t.test('an upload that the upstream breaks off is not held against it', async t => {
  for (const end of ['end', 'reset'] as const) {
    for (const serves of [ntlmProxy, (options: { serve: Serve }) => openProxy(options.serve)]) {
      const serve: Serve = async (conn, { head }) => {
        if (!head.startsWith('PUT'))
          return answerOk(conn, { head, body: Buffer.alloc(0), trailers: '' })
        conn[end]()
        return false
      }
      const book = start(t, {
        [FIRST]: serves({ serve, leavesBody: true }),
        [SECOND]: serves({ serve, leavesBody: true }),
      })
      for (let round = 0; round < 4; round++) {
        const put = `PUT ${BAD} HTTP/1.1\nHost: bad.test\nContent-Length: 200000`
        const upload = book.client().request(put, Buffer.alloc(200_000).toString())
        t.match(await book.passUntil(upload), { status: 502 })
      }
      await book.settle()
      t.same(blamed(book), [])
      t.match(await book.get(URL), { status: 200 })
    }
  }
})

t.test('an upstream that closes each new connection fails the probe, and is left out', async t => {
  let isDying = false
  const dying: Script = async conn => {
    if (isDying) return conn.end()
    await openProxy((one, request) => {
      isDying = true
      void answerOk(one, request)
      one.end()
      return false
    })(conn)
  }
  const book = start(t, { [FIRST]: dying, [SECOND]: openProxy() })
  t.match(await book.get(URL), { status: 200 })
  t.match(await book.get(URL), { status: 200 })
  await book.until(() => blamed(book).length === 1)
  t.same(blamed(book), [FIRST])
})

t.test('one connection that breaks in its handshake costs nobody an answer', async t => {
  const breaks: Record<string, Reached> = {
    'reset at once': async conn => conn.reset(),
    'reset in its handshake': async conn => void (await conn.readHead().then(() => conn.reset())),
    refused: 'refuses',
  }
  for (const [name, broken] of Object.entries(breaks)) {
    for (const at of [2, 5, 17]) {
      const hold: Serve = async conn => {
        conn.write('HTTP/1.1 200 OK\r\n\r\n')
        await conn.hold()
      }
      const serve: Serve = (conn, request) =>
        request.head.startsWith('CONNECT') ? hold(conn, request) : answerOk(conn, request)
      const book = start(t, except(at, broken, ntlmProxy({ serve })), { maxHandshakes: 16 })
      t.match(await book.client().request(CONNECT), { status: 200 })
      const answers = await Promise.all(
        Array.from({ length: 60 }, () => book.client().request(CONNECT)),
      )
      t.same(new Set(answers.map(({ status }) => status)), new Set([200]), `${name}, dial ${at}`)
    }
  }
})

t.test('alone, an upstream that is dead is found out once, not by each who waits', async t => {
  const dead: Record<string, [Reached, ms: number, status: number]> = {
    'swallows packets': ['swallows', 2_500, 504],
    refuses: ['refuses', 0, 502],
    'takes connections and says nothing': [async conn => void (await conn.hold()), 21_000, 504],
  }
  for (const [name, [reached, ms, status]] of Object.entries(dead)) {
    const book = start(t, { [PROXY]: reached }, { maxHandshakes: 4 })
    const answers = Promise.all(Array.from({ length: 40 }, () => book.get(URL)))
    for (const answer of await book.passUntil(answers)) t.match(answer, { status }, name)
    t.ok(book.clock.now() <= ms, `${name}: ${book.clock.now()} ms`)
  }
})

t.test('who waits goes to the next upstream when this one is down, from a dial too', async t => {
  const book = start(t, { [FIRST]: 'swallows', [SECOND]: ntlmProxy() }, { maxHandshakes: 4 })
  const early = Promise.all(Array.from({ length: 3 }, () => book.get(URL)))
  await book.settle()
  await book.pass(2_000)
  const late = Promise.all(Array.from({ length: 40 }, () => book.get(URL)))
  await book.settle()
  await book.pass(600)
  for (const answer of [...(await early), ...(await late)]) t.match(answer, { status: 200 })
  t.ok(book.clock.now() < 4_000, 'nobody waits for a second dial to end')
  t.equal(book.recorder.count('upstream.failed'), 3, 'one for each dial that was made for somebody')
})

t.test('when all upstreams are dead each is named with its reason, and whose it is', async t => {
  const book = start(t, { [FIRST]: 'refuses', [SECOND]: 'swallows' })
  const answer = await book.passUntil(book.get(URL))
  t.match(answer, { status: 504, text: /No connection was made in time: proxy-b\.test:2/ })
  t.match(
    answer.text,
    /the upstream proxies of the company failed: proxy-a\.test:1 \(The connection was refused\), proxy-b\.test:2 \(No connection was made in time\)/,
  )
  t.match(answer.text, /This is the upstream proxy of the company, not the web server/)
  t.match(book.recorder.all('request.finished')[0]?.record.detail, /proxy-a.*proxy-b/)

  const alone = start(t, { [PROXY]: 'refuses' })
  t.match(
    (await alone.get(URL)).text,
    /proxy\.test:8080\.\nThis is the upstream proxy of the company/,
  )
  const direct = start(t, {}, { noProxy: ['*'] })
  t.notMatch((await direct.get(URL)).text, /company/)
})

t.test(
  'an answer after a bad origin through both upstreams does not blame the upstreams',
  async t => {
    const serve: Serve = conn => {
      conn.write('HTTP/1.1 200 OK\r\nX: \0\r\n\r\n')
      return false
    }
    const book = start(t, { [FIRST]: ntlmProxy({ serve }), [SECOND]: ntlmProxy({ serve }) })
    t.notMatch((await book.passUntil(book.get(BAD))).text, /company|proxy-a/)
  },
)

/** Answers with what `answers` has for the method, and says where it comes from. */
function saying(name: string, status: string, lines: readonly string[] = []): Script {
  return openProxy(async (conn, { head }) => {
    if (status !== '200 OK' || !head.startsWith('CONNECT'))
      return conn.respond(status, `from ${name}`, lines)
    conn.write('HTTP/1.1 200 OK\r\n\r\n')
    await conn.hold()
    return false
  })
}

const SECOND_OPINIONS: Record<
  string,
  {
    request: string
    body?: string
    a: [string, ...string[]]
    b: string
    status: number
    from?: string
  }
> = {
  'a CONNECT that the other one opens': {
    request: CONNECT,
    a: ['503 No Way'],
    b: '200 OK',
    status: 200,
  },
  'a CONNECT, whatever marks the answer bears': {
    request: CONNECT,
    a: ['502 Bad Gateway', 'Via: 1.1 a'],
    b: '200 OK',
    status: 200,
  },
  'a CONNECT that both refuse': {
    request: CONNECT,
    a: ['503 No Way'],
    b: '504 Gateway Timeout',
    status: 503,
    from: 'a',
  },
  'a GET': {
    request: getRequest(BAD),
    a: ['504 Gateway Timeout'],
    b: '200 OK',
    status: 200,
    from: 'b',
  },
  'a GET that the other one knows better': {
    request: getRequest(BAD),
    a: ['503 No Way', 'Via: 1.1 a', 'X-Squid-Error: ERR_DNS_FAIL 0'],
    b: '404 Not Found',
    status: 404,
    from: 'b',
  },
  'a GET that an origin answered': {
    request: getRequest(BAD),
    a: ['503 Busy', 'Via: 1.1 a'],
    b: '200 OK',
    status: 503,
    from: 'a',
  },
  'a POST': {
    request: `POST ${BAD} HTTP/1.1\nHost: bad.test\nContent-Length: 0`,
    a: ['503 No Way'],
    b: '200 OK',
    status: 503,
    from: 'a',
  },
  'a PUT with a body': {
    request: `PUT ${BAD} HTTP/1.1\nHost: bad.test\nContent-Length: 4`,
    body: 'once',
    a: ['503 No Way'],
    b: '200 OK',
    status: 503,
    from: 'a',
  },
  'a GET that is answered 500': {
    request: getRequest(BAD),
    a: ['500 Oops'],
    b: '200 OK',
    status: 500,
    from: 'a',
  },
}

for (const [name, { request, body, a, b, status, from }] of Object.entries(SECOND_OPINIONS)) {
  t.test(`a second opinion on an error of the upstream's own: ${name}`, async t => {
    const [line, ...fields] = a
    const book = start(t, { [FIRST]: saying('a', line, fields), [SECOND]: saying('b', b) })
    const answer = await book.client().request(request, body)
    t.equal(answer.status, status)
    if (from !== undefined) t.equal(answer.text, `from ${from}`)
    t.same(blamed(book), [])
    if (from === undefined) return
    await book.until(() => book.open === 0)
    const { record } = book.recorder.all('request.finished').at(-1)!
    t.equal(record.upstream, from === 'a' ? FIRST : SECOND)
    t.equal(
      book.counts.reduce((sum, { idle }) => sum + idle, 0),
      book.connections.length,
      'all kept',
    )
  })
}

t.test('one other upstream is asked, and none that is marked down', async t => {
  const third = 'proxy-c.test:3'
  const both = start(t, {
    [FIRST]: saying('a', '503 No'),
    [SECOND]: saying('b', '503 No'),
    [third]: saying('c', '200 OK'),
  })
  t.match(await both.client().request(CONNECT), { status: 503, text: 'from a' })
  t.notOk(both.dials.includes(third))

  const dead = start(t, { [FIRST]: saying('a', '503 No'), [SECOND]: 'refuses' })
  t.match(await dead.client().request(CONNECT), { status: 503, text: 'from a' })
  t.same(blamed(dead), [SECOND])
  t.match(await dead.client().request(CONNECT), { status: 503, text: 'from a' })
  t.equal(dead.dials.filter(label => label === SECOND).length, 1)
})

t.test(
  'an upstream that answers with errors of its own alone is told from one that is well',
  async t => {
    let status = '503 No Way'
    const book = start(t, {
      [PROXY]: openProxy((conn, { head }) =>
        conn.respond(head.includes('good') ? '200 OK' : status),
      ),
    })
    const [upstream] = book.generation.upstreams.configured
    const ask = async (count: number, path: string): Promise<void> => {
      for (let n = 0; n < count; n++) await book.get(`http://${path}/`)
    }
    await ask(9, 'down.test')
    t.notOk(upstream?.onlyFails, 'one site may be down')
    await ask(1, 'other.test')
    t.ok(upstream?.onlyFails)
    t.ok(upstream?.isAvailable(), 'it is asked nevertheless')
    await ask(1, 'good.test')
    t.notOk(upstream?.onlyFails)
    status = '404 Not Found'
    await ask(9, 'other.test')
    t.notOk(upstream?.onlyFails)
  },
)
