import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import { parseAddressRule, Secret } from '../../src/core/index.ts'
import type { Frontend } from '../../src/proxy/index.ts'
import type { RawClient } from '../harness/http-client.ts'
import { ntlmProxy, openProxy, Playbook, PROXY, type Serve } from '../harness/playbook.ts'
import type { WireEnd } from '../harness/wire.ts'
import { connectTo, hex, logon } from '../unit/socks5/clients.ts'

type Test = Pick<typeof t, 'teardown'>
type Client = RawClient<WireEnd>

/** VER 5, one method: none, or user and password. */
const NO_LOGON = hex('05 01 00')
const WITH_LOGON = hex('05 01 02')
const TO_SITE = connectTo('site.test', 443)

const SOCKS_USERS = [
  { user: 'Bob', password: new Secret('builder:1') },
  { user: 'eve', password: new Secret('apple') },
]

interface Started {
  readonly book: Playbook
  readonly port: Frontend
  readonly client: (address?: string) => Client
}

/** Opens the tunnel and echoes everything, until the client ends its side. */
const echo: Serve = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(await conn.readToEnd())
  conn.end()
  return false
}

function start(test: Test, config: Partial<Config> = {}, serve = echo): Started {
  const book = new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) }, config })
  const port = book.port({ kind: 'socks5' })
  return { book, port, client: address => book.client(address, port) }
}

async function answer(client: Client, length: number): Promise<string> {
  return (await client.reader.readBytes(length)).toString('hex')
}

/** The reply to a request, with BND.ADDR 0.0.0.0:0. */
function reply(rep: string): string {
  return `05${rep}0001000000000000`
}

async function finished(book: Playbook) {
  const { record } = await book.recorder.waitFor('request.finished')
  await book.until(() => book.open === 0)
  return record
}

/** Greets, asks for the target, and tells what the client was replied. */
async function ask(client: Client, request: Buffer = TO_SITE): Promise<string> {
  client.send(Buffer.concat([NO_LOGON, request]))
  const replied = await answer(client, 12)
  return replied.startsWith('0500') ? replied.slice(4) : replied
}

t.test('a SOCKS client reaches its target through an upstream that demands NTLM', async t => {
  const { book, client } = start(t)
  const near = client()
  near.send(NO_LOGON)
  t.equal(await answer(near, 2), '0500')
  near.send(TO_SITE)
  t.equal(await answer(near, 10), reply('00'))
  near.socket.end('through')
  t.equal((await near.reader.readToEnd()).toString(), 'through')
  t.match(await finished(book), {
    method: 'SOCKS',
    target: 'site.test:443',
    client: '127.0.0.1:40001',
    route: 'upstream',
    upstream: PROXY,
    status: 200,
    bytesIn: 7,
    bytesOut: 7,
    termination: '--',
  })
  const connect = book.connections.flatMap(({ heads }) => heads).at(-1)
  t.match(connect, /^CONNECT site\.test:443 HTTP\/1\.1\r\nHost: site\.test:443\r\n/)
  t.notMatch(connect, /socks|127\.0\.0\.1/i, 'the upstream learns nothing of the client')
  t.same(book.failures, [])
})

t.test('addresses are asked for as they are, IPv6 in brackets', async t => {
  const { book, client } = start(t)
  for (const [request, target] of [
    [hex('05 01 00 01 c0 00 02 07 01 bb'), '192.0.2.7:443'],
    [hex('05 01 00 04 2001 0db8 0000 0000 0000 0000 0000 0001 0016'), '[2001:db8::1]:22'],
  ] as const) {
    const near = client()
    t.equal(await ask(near, request), reply('00'))
    near.socket.end()
    t.match(await finished(book), { target })
    t.equal(book.connections.at(-1)?.heads.at(-1)?.split(' ')[1], target)
  }
})

t.test('a client that does not wait for answers loses nothing', async t => {
  const { book, client } = start(t)
  const near = client()
  near.socket.end(Buffer.concat([NO_LOGON, TO_SITE, Buffer.from('early')]))
  t.equal(await answer(near, 12), `0500${reply('00')}`)
  t.equal((await near.reader.readToEnd()).toString(), 'early')
  t.match(await finished(book), { bytesIn: 5, bytesOut: 5, termination: '--' })
})

t.test('a handshake may come byte by byte', async t => {
  const { book, client } = start(t, { socksUsers: SOCKS_USERS })
  const near = client()
  const bytes = Buffer.concat([WITH_LOGON, logon('bob', 'builder:1'), TO_SITE, Buffer.from('hi')])
  for (const byte of bytes) {
    near.send(Buffer.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(await answer(near, 14), `05020100${reply('00')}`)
  near.socket.end()
  t.equal((await near.reader.readToEnd()).toString(), 'hi')
  t.match(await finished(book), { status: 200, bytesIn: 2 })
})

t.test('accounts are asked for where there are some, user names in any case', async t => {
  const { book, client } = start(t, { socksUsers: SOCKS_USERS })
  for (const [user, password] of [
    ['BOB', 'builder:1'],
    ['eve', 'apple'],
  ] as const) {
    const near = client()
    near.send(hex('05 02 00 02'))
    t.equal(await answer(near, 2), '0502')
    near.send(logon(user, password))
    t.equal(await answer(near, 2), '0100')
    near.send(TO_SITE)
    t.equal(await answer(near, 10), reply('00'))
    near.socket.end()
    t.match(await finished(book), { status: 200 })
  }
})

t.test('who cannot log on is told so and reaches nothing', async t => {
  const { book, client } = start(t, { socksUsers: SOCKS_USERS })
  const wrong = /password of the client is not that of its SOCKS5User/
  const table: [bytes: Buffer, answered: string, reason: RegExp][] = [
    [Buffer.concat([WITH_LOGON, logon('bob', 'hunter2'), TO_SITE]), '050201ff', wrong],
    [Buffer.concat([WITH_LOGON, logon('bob', 'apple'), TO_SITE]), '050201ff', wrong],
    [Buffer.concat([WITH_LOGON, logon('hunter2', 'x'), TO_SITE]), '050201ff', /No SOCKS5User/],
    [Buffer.concat([NO_LOGON, TO_SITE]), '05ff', /give it the user and password/],
  ]
  for (const [bytes, answered, reason] of table) {
    const near = client()
    near.send(bytes)
    t.equal((await near.reader.readToEnd()).toString('hex'), answered)
    const event = book.recorder.all('client.malformed').at(-1)
    t.match(event, { error: 'BAD_REQUEST', reason })
    t.notMatch(JSON.stringify(event), /hunter2|apple/)
  }
  t.equal(book.dials.length, 0)
  t.equal(book.recorder.count('request.finished'), 0)
})

t.test('who speaks something else is told so', async t => {
  const { book, client } = start(t)
  const table: [bytes: string | Buffer, answered: RegExp, reason: RegExp][] = [
    [
      'GET http://site.test/ HTTP/1.1\r\n\r\n',
      /^HTTP\/1\.1 400 .*speaks SOCKS5, not HTTP/s,
      /HTTP/,
    ],
    [hex('04 01 01bb c0000207 00'), /^\x00\x5b/, /SOCKS4/],
    [hex('16 03 01 00'), /^$/, /first byte is 0x16/],
    [Buffer.concat([NO_LOGON, hex('05 02 00 01 c0000207 01bb')]), /^\x05\x00\x05\x07/, /./],
  ]
  for (const [bytes, answered, reason] of table) {
    const near = client()
    near.send(bytes)
    t.match((await near.reader.readToEnd()).toString('latin1'), answered)
    t.match(book.recorder.all('client.malformed').at(-1), { error: 'BAD_REQUEST', reason })
  }
  t.equal(book.dials.length, 0)
})

t.test('what the upstream answers becomes a reply that says the most', async t => {
  const table: [status: string, rep: string, error: string][] = [
    ['403 Forbidden', '02', 'ROUTE_DENIED'],
    ['404 Not Found', '02', 'ROUTE_DENIED'],
    ['503 Service Unavailable', '04', 'DIAL_UNREACHABLE'],
    ['504 Gateway Timeout', '04', 'DIAL_UNREACHABLE'],
  ]
  for (const [status, rep, error] of table) {
    const { book, client } = start(t, {}, conn => conn.respond(status, '<h1>no</h1>'))
    const near = client()
    t.equal(await ask(near), reply(rep), status)
    t.equal((await near.reader.readToEnd()).length, 0, 'nothing of the page follows')
    const detail = `the upstream proxy answers ${status.slice(0, 3)}`
    t.match(await finished(book), { error, detail, bytesOut: 0 })
    t.equal(book.recorder.count('upstream.down'), 0)
  }
})

t.test(
  'no way to the upstream, and a password that it rejects, are failures that are told',
  async t => {
    const { book, client } = start(t)
    book.hosts[PROXY] = 'refuses'
    t.equal(await ask(client()), reply('05'))
    t.match(await finished(book), { method: 'SOCKS', status: 502, error: 'DIAL_REFUSED' })

    const rejected = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, password: 'wrong' })
    const near = rejected.client('127.0.0.1', rejected.port({ kind: 'socks5' }))
    t.equal(await ask(near), reply('01'))
    t.match(await finished(rejected), { error: 'AUTH_REJECTED', termination: 'PA' })
  },
)

t.test('NoProxy targets are dialled directly, with a reply for each way to fail', async t => {
  const { book, client } = start(t, { noProxy: ['*.corp'] })
  book.hosts['intra.corp:443'] = async conn => {
    conn.write(await conn.readToEnd())
    conn.end()
  }
  book.hosts['slow.corp:443'] = 'swallows'
  const near = client()
  near.send(Buffer.concat([NO_LOGON, connectTo('intra.corp', 443), Buffer.from('early ')]))
  t.equal(await answer(near, 12), `0500${reply('00')}`)
  near.socket.end('late')
  t.equal((await near.reader.readToEnd()).toString(), 'early late')
  t.match(await finished(book), { route: 'direct', status: 200, bytesIn: 10 })
  t.same(book.dials, ['intra.corp:443'])

  t.equal(await ask(client(), connectTo('none.corp', 443)), reply('05'))
  t.match(await finished(book), { error: 'DIAL_REFUSED', status: 502, termination: 'SC' })
  t.equal(await book.passUntil(ask(client(), connectTo('slow.corp', 443))), reply('06'))
  t.match(await finished(book), { error: 'DIAL_TIMEOUT', termination: 'sC' })
})

t.test("the proxy's own host is not reached for somebody else", async t => {
  const { book, client } = start(t, { noProxy: ['127.*'] })
  book.hosts['127.0.0.1:443'] = openProxy()
  const loopback = hex('05 01 00 01 7f 00 00 01 01 bb')
  t.equal(await ask(client('192.0.2.7'), loopback), reply('02'))
  t.match(await finished(book), { error: 'ROUTE_DENIED', status: 403 })
  const mapped = hex('05 01 00 04 0000 0000 0000 0000 0000 ffff 7f00 0001 01bb')
  t.equal(await ask(client('192.0.2.7'), mapped), reply('02'))
  t.equal(book.connections.length, 0)
  t.equal(await ask(client('127.0.0.1'), loopback), reply('00'))
})

t.test('a client that Deny names is closed without a word', async t => {
  const rule = parseAddressRule('192.0.2.0/24')
  if (rule === undefined) throw new Error('the rule is a network')
  const { book, client } = start(t, { acl: [{ action: 'deny', rule }] })
  const near = client('192.0.2.7')
  t.equal((await near.reader.readToEnd()).length, 0)
  t.match(book.recorder.all('client.denied'), [{ client: '192.0.2.7:40001', rule: /192\.0\.2/ }])
  t.equal(await ask(client('192.0.3.7')), reply('00'))
})

t.test('a handshake that takes too long is cut, a tunnel is not', async t => {
  const { book, client } = start(t, { headerTimeoutMs: 10_000 })
  const [quick, slow] = [client(), client()]
  t.equal(await ask(quick), reply('00'))
  slow.send(NO_LOGON)
  t.equal(await answer(slow, 2), '0500')
  await book.pass(9_000)
  t.equal(book.recorder.count('client.malformed'), 0)
  await book.pass(2_000)
  t.equal(await slow.reader.closed(), 'end')
  t.match(book.recorder.all('client.malformed'), [
    { error: 'CLIENT_TIMEOUT', reason: 'the SOCKS handshake takes too long' },
  ])
  quick.socket.end('still there')
  t.equal((await quick.reader.readToEnd()).toString(), 'still there')
})

t.test('a client that leaves in the middle leaves nothing behind', async t => {
  const { book, client } = start(t)
  for (const way of ['end', 'destroy', 'resetAndDestroy'] as const) {
    for (const bytes of [
      Buffer.alloc(0),
      NO_LOGON,
      Buffer.concat([NO_LOGON, TO_SITE.subarray(0, 6)]),
    ]) {
      const near = client()
      near.send(bytes)
      await book.settle()
      near.socket[way]()
      t.match(await near.reader.closed(), /end|reset/)
    }
  }
  t.equal(book.recorder.count('client.malformed'), 0)
  t.equal(book.recorder.count('request.finished'), 0)
  const near = client()
  near.send(Buffer.concat([NO_LOGON, TO_SITE]))
  await book.until(() => book.requests.length > 1)
  near.socket.resetAndDestroy()
  t.match(await finished(book), { error: 'CLIENT_ABORTED', termination: /^C/ })
  // What was waited for has come to an end: the last timers are those of kept sessions.
  await book.pass(6_000)
  t.equal(book.open, 0)
})

t.test('a drain waits for tunnels and not for handshakes, destroy cuts both', async t => {
  const { book, port, client } = start(t)
  const [talking, greeting] = [client(), client()]
  t.equal(await ask(talking), reply('00'))
  greeting.send(NO_LOGON)
  t.equal(await answer(greeting, 2), '0500')
  t.equal(port.requestsInProgress, 1)
  let isDrained = false
  const drained = port.drain().then(() => (isDrained = true))
  await book.settle()
  t.equal(isDrained, false)
  talking.socket.end('done')
  t.equal((await talking.reader.readToEnd()).toString(), 'done')
  t.equal(await drained, true)
  t.match(await finished(book), { status: 200, termination: '--' })
  t.equal(port.destroy(), 0)
  t.equal(await greeting.reader.closed(), 'end')

  const [cut, waiting] = [client(), client()]
  t.equal(await ask(cut), reply('00'))
  book.hosts[PROXY] = 'swallows'
  waiting.send(Buffer.concat([NO_LOGON, TO_SITE]))
  await book.until(() => port.requestsInProgress === 2)
  t.equal(port.destroy(), 2)
  t.equal(await cut.reader.closed(), 'reset', 'what is cut must not look complete')
  t.equal(await waiting.reader.closed(), 'end')
  t.match(await finished(book), { error: 'DRAINING' })
  t.equal(port.requestsInProgress, 0)
})
