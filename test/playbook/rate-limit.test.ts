import t from 'tap'
import {
  answerOk,
  getRequest,
  isLogonCheck,
  ntlmOrigin,
  ntlmProxy,
  Playbook,
  type PlaybookOptions,
  PROXY,
  type Reached,
  type Serve,
} from '../harness/playbook.ts'

const URL = 'http://site.test/'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'
const FIRST = 'proxy-a.test:1'
const SECOND = 'proxy-b.test:2'
const BODY = 'Slow down.\n'
/** The wall clock of the playbooks when they begin. */
const START_MS = 1_700_000_000_000

type Config = PlaybookOptions['config']
type Answer = readonly [status: string, ...fieldLines: string[]]

/** Refuses so often, then serves. */
function limiting(refusals: number, [status, ...lines]: Answer = ['429 Too Many Requests']): Serve {
  let left = refusals
  return async (conn, request) => {
    if (left-- > 0) conn.respond(status, BODY, lines)
    else if (request.head.startsWith('CONNECT')) await open(conn, request)
    else await answerOk(conn, request)
    return true
  }
}

const open: Serve = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  await conn.hold()
}

function start(test: Pick<typeof t, 'teardown'>, serve: Serve, config: Config = {}): Playbook {
  return new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) }, config })
}

function connects(book: Playbook): number {
  return book.requests.filter(text => text.startsWith('CONNECT')).length
}

/** How long it takes until the answer is there, with the answer. */
async function timed<T>(book: Playbook, answer: Promise<T>, stepMs = 250) {
  const startedAt = book.clock.now()
  const result = await book.passUntil(answer, stepMs)
  return { result, ms: book.clock.now() - startedAt }
}

const dateIn = (ms: number): string => new Date(START_MS + ms).toUTCString()

t.test(
  'a CONNECT that the upstream refuses for its rate limit waits and is sent again',
  async t => {
    const waits: [name: string, answer: Answer, ms: number][] = [
      ['no field', ['429 Too Many Requests'], 5_000],
      ['seconds', ['429 Too Many Requests', 'retry-after: 7'], 7_000],
      ['a date', ['429 Too Many Requests', `Retry-After: ${dateIn(8_000)}`], 8_000],
      ['503 with seconds', ['503 Service Unavailable', 'Retry-After: 3'], 3_000],
      [
        'RateLimit-ResetTime before Retry-After',
        ['429 Too Many Requests', 'Retry-After: 20', `ratelimit-resettime: ${dateIn(4_000)}`],
        4_000,
      ],
      [
        'RateLimit-ResetTime unreadable',
        ['429 x', 'RateLimit-ResetTime: 1', 'Retry-After: 6'],
        6_000,
      ],
      ['negative seconds', ['429 x', 'Retry-After: -6'], 5_000],
      ['a date in the past', ['429 x', `Retry-After: ${dateIn(-60_000)}`], 1_000],
    ]
    for (const [name, answer, ms] of waits) {
      const book = start(t, limiting(1, answer))
      const client = book.client()
      const { result, ms: took } = await timed(book, client.request(CONNECT))
      t.match(result, { status: 200 }, name)
      t.equal(took, ms, name)
      t.match(book.recorder.all('upstream.limited'), [{ upstream: PROXY, waitMs: ms }], name)
      t.equal(book.recorder.count('upstream.down'), 0, 'and its health is not blamed')
      client.destroy()
      await book.until(() => book.open === 0)
      t.match(book.recorder.all('request.finished').at(-1), {
        record: { attempts: 2, status: 200, termination: '--' },
      })
    }
  },
)

t.test('five tries, then the answer is handed on unchanged', async t => {
  const answer: Answer = ['429 Enough', 'Retry-After: 2', 'X-Limit: 10 a minute']
  const book = start(t, limiting(99, answer))
  const { result, ms } = await timed(book, book.client().request(CONNECT))
  t.match(result, { status: 429, reason: 'Enough', text: BODY })
  t.same(result.values('Retry-After'), ['2'])
  t.same(result.values('X-Limit'), ['10 a minute'])
  t.equal(ms, 8_000)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { attempts: 5, status: 429 } }])
  t.equal(book.connections.length, 1, 'the session is kept through all of it')
})

t.test('five tries are five also where several upstreams refuse', async t => {
  for (const count of [2, 3, 6]) {
    const labels = Array.from({ length: count }, (_, n) => `proxy-${n}.test:1`)
    const hosts = Object.fromEntries(
      labels.map(label => [label, ntlmProxy({ serve: limiting(99, ['429 x', 'Retry-After: 2']) })]),
    )
    const book = new Playbook(t, { hosts })
    const { result } = await timed(book, book.client().request(CONNECT))
    t.match(result, { status: 429 })
    await book.until(() => book.open === 0)
    const sent = Math.max(5, count)
    t.equal(book.recorder.count('upstream.limited'), sent, `${count} upstreams`)
    t.match(book.recorder.all('request.finished'), [{ record: { attempts: sent } }])
  }
})

t.test('a wait that is too long, and waits that are too long together, are not begun', async t => {
  const cases: [name: string, config: Config, seconds: number, ms: number, tries: number][] = [
    ['longer than RateLimitWait', {}, 31, 0, 1],
    ['as long as RateLimitWait', {}, 30, 30_000, 2],
    ['longer than RateLimitTotal', { rateLimitTotalMs: 9_000 }, 10, 0, 1],
    ['together longer than RateLimitTotal', { rateLimitTotalMs: 25_000 }, 10, 20_000, 3],
  ]
  for (const [name, config, seconds, expected, tries] of cases) {
    const book = start(t, limiting(99, ['429 Too Many', `Retry-After: ${seconds}`]), config)
    const { result, ms } = await timed(book, book.client().request(CONNECT))
    t.match(result, { status: 429, text: BODY }, name)
    t.equal(ms, expected, name)
    t.equal(
      connects(book),
      1 + tries,
      `${name}: the first one only finds out that a logon is demanded`,
    )
  }
})

t.test('a client that leaves ends the wait', async t => {
  const requests = { CONNECT, GET: getRequest(URL) }
  for (const [method, request] of Object.entries(requests)) {
    for (const way of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const book = start(t, limiting(99), { rateLimitRetry: 'all' })
      const client = book.client()
      client.send(`${request.replaceAll('\n', '\r\n')}\r\n\r\n`)
      await book.until(() => book.recorder.count('upstream.limited') === 1)
      client.socket[way]()
      await book.until(() => book.open === 0)
      await book.pass(20_000)
      const label = `${method}, ${way}`
      t.equal(book.recorder.count('upstream.limited'), 1, label)
      t.match(book.recorder.all('request.finished'), [{ record: { error: 'CLIENT_ABORTED' } }])
      t.equal(book.counts[0]?.idle, 1, 'the session is kept')
    }
  }
})

t.test('a stop that has no patience any more ends the wait', async t => {
  const book = start(t, limiting(99))
  void book
    .client()
    .request(CONNECT)
    .catch(() => undefined)
  await book.until(() => book.recorder.count('upstream.limited') === 1)
  t.equal(book.frontends.http.destroy(), 1)
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { error: 'DRAINING' } }])
})

function pair(
  test: Pick<typeof t, 'teardown'>,
  first: Reached,
  second: Reached,
  config: Config = {},
): Playbook {
  return new Playbook(test, { hosts: { [FIRST]: first, [SECOND]: second }, config })
}

t.test('another upstream that is free serves at once', async t => {
  const book = pair(t, ntlmProxy({ serve: limiting(99) }), ntlmProxy({ serve: open }))
  const client = book.client()
  const { result, ms } = await timed(book, client.request(CONNECT))
  t.match(result, { status: 200 })
  t.equal(ms, 0)
  client.destroy()
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { upstream: SECOND, attempts: 2 } }])
})

t.test('where all refuse, the one that may be asked first is asked first', async t => {
  const book = pair(
    t,
    ntlmProxy({ serve: limiting(1, ['429 Too Many Requests', 'Retry-After: 3600']) }),
    ntlmProxy({ serve: limiting(1, ['429 Too Many Requests', 'Retry-After: 3']) }),
  )
  const client = book.client()
  const { result, ms } = await timed(book, client.request(CONNECT))
  t.match(result, { status: 200 })
  t.equal(ms, 3_000)
  client.destroy()
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { upstream: SECOND, attempts: 3 } }])
})

t.test('where the other upstream is dead, the refusal is what counts', async t => {
  const book = pair(t, ntlmProxy({ serve: limiting(99, ['429 x', 'Retry-After: 60']) }), 'refuses')
  const { result } = await timed(book, book.client().request(CONNECT))
  t.match(result, { status: 429, text: BODY })
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { upstream: FIRST, attempts: 2 } }])
})

t.test('plain requests wait when they are to, have no body, and may be sent twice', async t => {
  const all: Config = { rateLimitRetry: 'all' }
  const cases: [name: string, config: Config, method: string, lines: string[], waits: boolean][] = [
    ['GET', all, 'GET', [], true],
    ['HEAD', all, 'HEAD', [], true],
    ['GET by default', {}, 'GET', [], false],
    ['GET with off', { rateLimitRetry: 'off' }, 'GET', [], false],
    ['POST', all, 'POST', ['Content-Length: 0'], false],
    ['PUT with a body', all, 'PUT', ['Content-Length: 2'], false],
    ['an answer of the origin', all, 'GET', ['X-Via: yes'], false],
  ]
  for (const [name, config, method, lines, waits] of cases) {
    let refusals = 1
    const book = start(
      t,
      async (conn, request) => {
        if (request.head.includes('/warm') || refusals-- <= 0) return answerOk(conn, request)
        const via = request.head.includes('X-Via') ? ['Via: 1.1 cache'] : []
        return conn.respond('429 Slow', request.head.startsWith('HEAD') ? '' : BODY, via)
      },
      config,
    )
    await book.get(`${URL}warm`)
    const request = [`${method} ${URL} HTTP/1.1`, 'Host: site.test', ...lines].join('\n')
    const body = lines.includes('Content-Length: 2') ? 'ab' : ''
    if (method === 'HEAD') refusals = 0
    const { result, ms } = await timed(book, book.client().request(request, body))
    t.equal(result.status, waits ? 200 : 429, name)
    if (method !== 'HEAD') t.equal(ms, waits ? 5_000 : 0, name)
    if (!waits) t.equal(result.text, BODY, name)
  }
})

t.test('a CONNECT does not wait with off', async t => {
  const book = start(t, limiting(99), { rateLimitRetry: 'off' })
  const { result, ms } = await timed(book, book.client().request(CONNECT))
  t.match(result, { status: 429, text: BODY })
  t.equal(ms, 0)
  t.equal(book.recorder.count('upstream.limited'), 0)
})

t.test('the answer of a web server on a direct way is always handed on', async t => {
  const book = new Playbook(t, {
    hosts: {
      'site.test:80': ntlmOrigin({
        demandsFor: () => false,
        serve: conn => conn.respond('429 Slow', BODY, ['Retry-After: 1']),
      }),
    },
    config: { noProxy: ['*'], rateLimitRetry: 'all' },
  })
  const { result, ms } = await timed(book, book.get(URL))
  t.match(result, { status: 429, text: BODY })
  t.equal(ms, 0)
})

/** Answers everything that it is asked with a 429, so often; then it demands NTLM. */
function limitedGate(refusals: number): Reached {
  let left = refusals
  const proxy = ntlmProxy({
    serve: async (conn, request) =>
      request.head.startsWith('CONNECT') ? open(conn, request) : answerOk(conn, request),
  })
  return async conn => {
    if (left-- <= 0) return proxy(conn)
    await conn.readHead()
    conn.respond('429 Too Many Requests', BODY, ['Connection: close', 'Retry-After: 2'])
    conn.end()
  }
}

t.test('a limit in front of the logon teaches nothing about the upstream', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: limitedGate(2) } })
  const client = book.client()
  const { result, ms } = await timed(book, client.request(CONNECT))
  t.match(result, { status: 200 })
  t.equal(ms, 4_000)
  t.equal(book.generation.upstreams.configured[0]?.demand, 'always')
  t.equal(book.recorder.count('upstream.failed'), 0)
  client.destroy()

  const plain = new Playbook(t, { hosts: { [PROXY]: limitedGate(1) } })
  t.match(await plain.get(URL), { status: 429, text: BODY }, 'a GET is told so')
  t.equal(plain.generation.upstreams.configured[0]?.demand, 'unknown')
  const post = [`POST ${URL} HTTP/1.1`, 'Host: site.test', 'Content-Length: 2'].join('\n')
  t.match(await plain.client().request(post, 'ab'), { status: 200, text: `POST ${URL} 2\n` })
})

t.test('a limit on a leg of the handshake proves no password and opens no session', async t => {
  const cases: [type: number, status: string, ...lines: string[]][] = [
    [1, '429 Too Many Requests'],
    [1, '503 Service Unavailable', 'Retry-After: 5'],
    [3, '429 Too Many Requests'],
  ]
  for (const [type, refusal, ...lines] of cases) {
    const name = `type ${type}, ${refusal}`
    let left = 1
    const proxy: Reached = async conn => {
      const limited = ntlmProxy({ serve: open })
      const respond = conn.demand.bind(conn)
      let legs = 0
      conn.demand = async demand => {
        legs++
        if (type === 1 && legs === 2 && left-- > 0) {
          conn.respond(refusal, BODY, lines)
          return
        }
        await respond(demand)
      }
      const answer = conn.respond.bind(conn)
      conn.respond = (status, ...rest) => {
        const isVerdict = type === 3 && isLogonCheck(conn.heads.at(-1) ?? '')
        if (isVerdict && left-- > 0) answer(refusal, BODY, lines)
        else answer(status, ...rest)
      }
      await limited(conn)
    }
    const book = new Playbook(t, { hosts: { [PROXY]: proxy } })
    const client = book.client()
    const { result, ms } = await timed(book, client.request(CONNECT))
    t.match(result, { status: 200 }, name)
    t.equal(ms, 5_000, name)
    t.equal(book.generation.upstreams.configured[0]?.demand, 'always', name)
    t.equal(book.recorder.count('guard.proven'), 1, 'only the real verdict counts')
    t.equal(book.recorder.count('session.authenticated'), 1)
    client.destroy()
  }
})

t.test('SOCKS5 and fixed ports wait like a CONNECT', async t => {
  const book = start(t, limiting(1, ['429 x', 'Retry-After: 2']))
  const port = book.port({ kind: 'tunnel', target: { host: 'site.test', port: 22 } })
  const client = book.client('127.0.0.1', port)
  await book.until(() => book.recorder.count('upstream.limited') === 1)
  await book.pass(2_000)
  await book.until(() => connects(book) >= 2)
  client.destroy()
  await book.until(() => book.open === 0)
  t.match(book.recorder.all('request.finished'), [{ record: { method: 'FORWARD', status: 200 } }])
})

t.test('an ordinary error answer of the upstream is no rate limit', async t => {
  const answers: Answer[] = [['403 Forbidden'], ['503 Service Unavailable'], ['502 Bad Gateway']]
  for (const answer of answers) {
    const book = start(t, limiting(1, answer))
    const { result, ms } = await timed(book, book.client().request(CONNECT))
    t.equal(`${result.status} ${result.reason}`, answer[0])
    t.equal(ms, 0)
  }
  const plain = start(t, limiting(0), { rateLimitRetry: 'all' })
  t.match(await plain.client().request(getRequest(URL)), { status: 200 })
})
