import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import type { RawClient } from '../harness/http-client.ts'
import {
  ALICE,
  describeRequest,
  ntlmProxy,
  type NtlmProxyOptions,
  openProxy,
  Playbook,
  PROXY,
  type Reached,
  type Serve,
} from '../harness/playbook.ts'
import type { Script } from '../harness/scripted-upstream.ts'
import type { WireEnd } from '../harness/wire.ts'

type Test = Pick<typeof t, 'teardown'>
type Setup = Partial<
  Pick<Config, 'warm' | 'warmMax' | 'maxHandshakes' | 'maxSessions' | 'warmTunnels'>
>

const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'

const tunnel: Serve = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  await conn.closed()
  conn.end()
  return false
}

function start(test: Test, reached: Reached, config: Setup = {}, password?: string): Playbook {
  return new Playbook(test, {
    hosts: { [PROXY]: reached },
    config: { warm: 'authenticated', ...config },
    ...(password === undefined ? {} : { password }),
  })
}

const proxy = (options: NtlmProxyOptions = {}): Script => ntlmProxy({ serve: tunnel, ...options })

/** Opens a tunnel and lets happen what follows. */
async function connect(book: Playbook): Promise<RawClient<WireEnd>> {
  const client = book.client()
  const { status } = await client.request(CONNECT)
  if (status !== 200) throw new Error(`CONNECT was answered ${status}`)
  await book.settle()
  return client
}

const spares = (book: Playbook): number | undefined => book.counts[0]?.spare
/** What one connection was sent. */
const requestsOn = (book: Playbook, number: number): string[] =>
  book.connections[number - 1]?.heads.map(describeRequest) ?? []

t.test('after a tunnel the next one finds a session that is logged on', async t => {
  const book = start(t, proxy())
  await connect(book)
  t.equal(spares(book), 1)
  t.match(book.recorder.all('session.warmed'), [{ grade: 'authenticated', upstream: PROXY }])
  book.clock.advance(1_000)
  const client = await connect(book)
  t.same(requestsOn(book, 2), ['check type 1', 'check type 3', 'CONNECT'])
  t.equal(spares(book), 1, 'there is one for the next')
  client.destroy()
  await book.until(() => book.recorder.count('request.finished') === 1)
  t.match(book.recorder.all('request.finished')[0]?.record, {
    ...{ status: 200, attempts: 1, connectMs: 0, authMs: 0 },
  })
})

t.test(
  'nothing is made where it is switched off, without traffic, or for other requests',
  async t => {
    const off = start(t, proxy(), { warm: 'off' })
    await connect(off)
    t.equal(off.connections.length, 1)
    const book = start(t, ntlmProxy())
    await book.pass(60_000)
    await book.get('http://site.test/')
    await book.settle()
    t.equal(book.connections.length, 1)
  },
)

t.test('spares follow the traffic and go when it stops', async t => {
  const book = start(t, proxy())
  await Promise.all(Array.from({ length: 5 }, () => connect(book)))
  await book.until(() => spares(book) === 5)
  await book.pass(25_000)
  t.equal(spares(book), 3, 'half of a burst that was a while ago')
  await book.pass(60_000, 30)
  t.equal(spares(book), 0)
  t.equal(book.clock.pendingTimers, 0, 'nothing is looked at any more')
  t.equal(book.type3s, 10)
})

t.test('there are never more than WarmMax, and requests have room besides', async t => {
  for (const [config, most] of [
    [{ warmMax: 2 }, 2],
    [{ maxSessions: 12, warmMax: 100 }, 100],
    [{ maxHandshakes: 1 }, 0],
  ] as const) {
    const book = start(t, proxy(), config)
    for (let round = 0; round < 6; round++) await connect(book)
    await book.settle()
    t.ok((spares(book) ?? 0) <= most, JSON.stringify(config))
  }
})

t.test('spares that all died cost one retry and put nothing aside', async t => {
  const book = start(t, proxy())
  await Promise.all(Array.from({ length: 3 }, () => connect(book)))
  await book.until(() => spares(book) === 3)
  // Whoever comes over these connections gets no answer but an end.
  const dead = book.connections.slice(-3)
  const late = book.client()
  const answer = late.request(CONNECT)
  for (const { socket } of dead) socket.destroy()
  t.match(await answer, { status: 200 })
  await book.settle()
  t.equal(book.recorder.count('upstream.down'), 0)
  t.equal(spares(book), 0)
  const made = book.connections.length
  await book.pass(2_000)
  t.equal(book.connections.length, made, 'no logon storm: none is made for a while')
  await book.pass(10_000)
  t.ok((spares(book) ?? 0) >= 1)
})

t.test('while a spare logs on the next one is connected, and shows nothing yet', async t => {
  for (const isAnswered of [true, false]) {
    let answer = (): void => undefined
    const hold: { until?: Promise<void> } = {}
    const slow: Script = async conn => {
      if (hold.until === undefined) return proxy()(conn)
      await hold.until
      if (isAnswered) await proxy()(conn)
      else conn.reset()
    }
    const book = start(t, slow)
    await Promise.all(Array.from({ length: 3 }, () => connect(book)))
    await book.until(() => spares(book) === 3)
    book.clock.advance(2_000)
    hold.until = new Promise(resolve => (answer = resolve))
    const tunnels = Array.from({ length: 3 }, async () => connect(book))
    await Promise.all(tunnels)
    t.same(
      [7, 8, 9].map(number => [book.connections.length >= number, requestsOn(book, number)]),
      [
        [true, []],
        [true, []],
        [false, []],
      ],
      'the upstream reads neither, but both are there',
    )
    const before = book.type3s
    answer()
    await book.settle()
    if (isAnswered) {
      await book.until(() => spares(book) === 3)
      t.equal(book.type3s, before + 3)
      t.equal(book.connections.length, 9, 'it was used')
    } else {
      t.equal(book.connections.length, 8, 'none follows one that fails')
      t.ok(book.connections.every(({ socket, number }) => number < 7 || socket.destroyed))
      t.equal(book.counts[0]?.connecting, 0)
    }
  }
})

t.test('a spare that dies under its CONNECT is replaced by a fresh session', async t => {
  const dies: Script = async conn => {
    if (conn.number !== 2) return proxy()(conn)
    return proxy({
      serve: async serving => {
        serving.reset()
        return Promise.resolve(false)
      },
    })(conn)
  }
  const book = start(t, dies)
  await connect(book)
  t.equal(spares(book), 1)
  const client = await connect(book)
  client.destroy()
  await book.until(() => book.recorder.count('request.finished') === 1)
  t.equal(book.recorder.count('upstream.failed'), 0)
  t.match(book.recorder.all('request.finished')[0]?.record, { status: 200, attempts: 2 })
})

t.test('a wrong password is sent once, and a refused one stops the making', async t => {
  const wrong = start(t, proxy(), {}, 'wrong')
  for (let round = 0; round < 4; round++) {
    t.match(await wrong.client().request(CONNECT), { status: 502 })
  }
  await wrong.pass(60_000)
  t.equal(wrong.type3s, 1)
  t.equal(wrong.recorder.count('session.warmed'), 0)

  const accounts = [ALICE]
  const book = start(t, async conn => proxy({ accounts: [...accounts] })(conn))
  await connect(book)
  t.equal(spares(book), 1)
  accounts[0] = { ...ALICE, password: 'changed' }
  await connect(book)
  await book.until(() => book.recorder.count('guard.tripped') === 1)
  const shown = book.type3s
  await book.pass(50_000)
  t.equal(book.type3s, shown, 'the spare that found it out was the last')
  t.equal(spares(book), 0)
})

t.test('an upstream that wants a logon for each request gets connections alone', async t => {
  /** Forgets who is logged on when a CONNECT comes. */
  const forgets: Script = async conn => {
    for (let part = 0; part < 3; part++) {
      let head: string | undefined
      await proxy({
        serve: async (serving, request) => {
          head = request.head
          return Promise.resolve(/^proxy-authorization/im.test(head) && tunnel(serving, request))
        },
      })(conn)
      if (head === undefined || /^proxy-authorization/im.test(head)) return
      await conn.demand()
    }
  }
  const book = start(t, forgets)
  for (let round = 0; round < 4; round++) await connect(book)
  const grades = book.recorder.all('session.warmed').map(({ grade }) => grade)
  t.equal(grades.at(-1), 'dialled')
  t.ok(grades.filter(grade => grade === 'authenticated').length <= 3)
  const before = book.type3s
  await connect(book)
  t.equal(book.type3s, before + 1, 'a logon for the tunnel and none ahead')
})

t.test(
  'an upstream that wants no logon any more gets connections alone, which carry at once',
  async t => {
    let isOpen = false
    const book = start(t, async conn => (isOpen ? openProxy(tunnel) : proxy())(conn))
    await connect(book)
    isOpen = true
    await connect(book)
    await book.until(() => book.recorder.all('session.warmed').at(-1)?.grade === 'dialled')
    await book.pass(11_000, 22)
    t.equal(spares(book), 2, 'those that nobody wanted were replaced')
    const before = book.requests
    await connect(book)
    t.equal(book.requests.length, before.length + 1, 'the CONNECT alone, without credentials')
  },
)

t.test('a limited upstream is left alone for the time it asks for', async t => {
  let isLimited = false
  const limits: Script = async conn => {
    if (!isLimited) return proxy()(conn)
    await conn.nextHead()
    conn.respond('429 Too Many Requests', '', ['Retry-After: 90'])
    await conn.closed()
  }
  const book = start(t, limits)
  await connect(book)
  isLimited = true
  await connect(book)
  const made = book.connections.length
  await book.pass(50_000, 25)
  t.equal(book.connections.length, made)
})

t.test('logons are begun ahead only where it was asked for, and never at a Squid', async t => {
  const closing = (extra: NtlmProxyOptions = {}): Script => {
    const script = proxy(extra)
    return async conn => {
      const respond = conn.respond.bind(conn)
      // After a logon check the connection ends, so logging on ahead is of no use.
      conn.respond = (status, body, lines) => {
        respond(
          status,
          body,
          status.startsWith('503') ? [...(lines ?? []), 'Connection: close'] : lines,
        )
      }
      await script(conn)
    }
  }
  for (const [why, warm, options, expected] of [
    ['asked for', 'challenged', {}, 'challenged'],
    ['not asked for', 'authenticated', {}, 'dialled'],
    ['Squid', 'challenged', { connectionLines: ['Server: squid/5.7'] }, 'dialled'],
    ['Squid without a name', 'challenged', { connectionLines: ['X-Squid-Error: E 0'] }, 'dialled'],
  ] as const) {
    const book = start(t, closing(options), { warm })
    /** Connections that wait between challenge and answer. */
    const parked = (): number =>
      book.connections.filter(
        ({ number, socket }) =>
          socket.writable && requestsOn(book, number).at(-1) === 'check type 1',
      ).length
    for (let round = 0; round < 6; round++) await connect(book)
    await book.settle()
    t.equal(book.recorder.all('session.warmed').at(-1)?.grade, expected, why)
    t.equal(parked(), expected === 'challenged' ? 4 : 0, why)
    const taken = book.connections.length
    const shown = book.type3s
    await connect(book)
    if (expected === 'challenged') {
      t.same(requestsOn(book, taken), ['check type 1', 'CONNECT type 3'])
      t.equal(book.type3s, shown + 1)
    }
    await book.pass(11_000, 22)
    t.equal(parked(), 0, 'none waits for longer than ten seconds')
  }
})

t.test(
  'a target that was asked for several times gets a tunnel ahead, if that is wanted',
  async t => {
    let greets = 0
    /** The server speaks first, and is heard when it does so before anybody asked for the tunnel. */
    const greeting: Serve = async conn => {
      conn.write('HTTP/1.1 200 OK\r\n\r\n')
      conn.write(`220 hello ${++greets}\r\n`)
      await conn.closed()
      conn.end()
      return false
    }
    for (const [warmTunnels, most] of [
      [0, 0],
      [1, 1],
    ] as const) {
      greets = 0
      const book = start(t, proxy({ serve: greeting }), { warm: 'off', warmTunnels })
      for (let round = 0; round < 3; round++) await connect(book)
      await book.settle()
      t.equal(greets, 3 + most)
      const before = book.requests.length
      const client = await connect(book)
      t.equal((await client.reader.readUntil('\r\n')).toString(), '220 hello 4\r\n')
      if (most === 1) t.equal(book.requests.slice(before).length, 2, 'the next one is opened')
      const taken = book.connections[3]
      taken?.write('and on')
      t.equal((await client.reader.readBytes(6)).toString(), 'and on')
      client.destroy()
      await book.until(() => book.recorder.count('request.finished') === 1)
      t.match(book.recorder.all('request.finished')[0]?.record, { status: 200, attempts: 1 })
    }
  },
)

t.test('a tunnel ahead that died, or that nobody wants, is not handed out', async t => {
  for (const how of ['dies', 'ages'] as const) {
    const book = start(t, proxy(), { warm: 'off', warmTunnels: 4 })
    for (let round = 0; round < 3; round++) await connect(book)
    const [ahead] = book.connections.slice(-1)
    t.equal(book.connections.length, 4)
    if (how === 'dies') ahead?.socket.destroy()
    else await book.pass(11_000)
    await book.settle()
    t.ok(ahead?.socket.destroyed ?? true, how)
    const client = await connect(book)
    t.same(requestsOn(book, 5), ['CONNECT type 1', 'CONNECT type 3'], how)
    client.destroy()
  }
})
