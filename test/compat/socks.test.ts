import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { UNKNOWN_NAME } from '../harness/unknown-name.ts'
import type { RawClient } from '../harness/http-client.ts'
import { basics, better, type Case, compare, same, type Side, startDuel } from './duel.ts'
import { type Answer, KEEPS } from './house.ts'
import { CLOSED, served } from './normal.ts'

/** Messages of RFC 1928 and 1929. */
const GREETING = Buffer.from([5, 1, 0])
const WITH_LOGON = Buffer.from([5, 1, 2])
const TO_NAME = request(3, named('site.test'), 443)

function request(type: number, address: Buffer, port: number, command = 1): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(port)
  return Buffer.concat([Buffer.from([5, command, 0, type]), address, bytes])
}

function named(host: string): Buffer {
  return Buffer.concat([Buffer.from([host.length]), Buffer.from(host)])
}

function logon(user: string, password: string): Buffer {
  return Buffer.concat([Buffer.from([1]), named(user), named(password)])
}

/** The next bytes in hexadecimal. */
function read(client: RawClient, length: number): Promise<string> {
  return client.reader.readBytes(length).then(
    bytes => bytes.toString('hex'),
    () => CLOSED,
  )
}

const pong: Answer = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(`pong ${String(await conn.readUntil('\n'))}`)
}

/** The target of the CONNECT that the upstream got. */
function targets(side: Side): string[] {
  return served(side).map(text => text.split(' ')[1] ?? '')
}

/** A greeting and a request: VER REP RSV ATYP of the reply, what comes through the tunnel, and what the upstream was asked. */
const asks =
  (message: (side: Side) => Buffer, answer: Answer = pong) =>
  async (side: Side) => {
    side.upstream.answer = answer
    const client = await side.open(side.place.socks)
    client.send(GREETING)
    await read(client, 2)
    client.send(message(side))
    const reply = (await read(client, 10)).slice(0, 8)
    if (reply !== OPEN) return [reply, ...targets(side)]
    client.send('one\n')
    return [reply, String(await client.reader.readUntil('\n')), ...targets(side)]
  }

const OPEN = '05000001'
const FAILED = '05010001'

/** The fields of the CONNECT that the upstream got. */
async function connectFields(side: Side): Promise<string[]> {
  await dialogue([GREETING, 2], [TO_NAME, 10])(side)
  return side.upstream.arrived.at(-1)?.head.split('\r\n').slice(1) ?? []
}

/** Messages, and how many bytes of answer there are to each. */
const dialogue =
  (...steps: [message: Buffer, answer: number][]) =>
  async (side: Side) => {
    side.upstream.answer = pong
    const client = await side.open(side.place.socks)
    const answers: string[] = []
    for (const [message, length] of steps) {
      client.send(message)
      answers.push(await read(client, length))
    }
    return answers
  }

/** An upstream that refuses the CONNECT with this status. */
const refuses =
  (status: string): Answer =>
  conn =>
    conn.respond(status, 'no', ['Content-Type: a/b', ...KEEPS])

const REPLY = 'the reply says more than that it failed, RFC 1928 section 6'
const LONG_NAME = `${'a'.repeat(60)}.test`

const open: Case[] = [
  same(
    'a name is left to the upstream',
    asks(() => TO_NAME),
    [OPEN, 'pong one\n', 'site.test:443'],
  ),
  same(
    'an IPv4 address goes to the upstream',
    asks(() => request(1, Buffer.from([192, 0, 2, 1]), 443)),
    [OPEN, 'pong one\n', '192.0.2.1:443'],
  ),
  same(
    'an address of NoProxy is connected to',
    async side => {
      side.origin.script = async conn => conn.write(`pong ${String(await conn.readUntil('\n'))}`)
      return asks(({ place }) => request(1, Buffer.from([127, 0, 0, 1]), place.origin))(side)
    },
    [OPEN, 'pong one\n'],
  ),
  same(
    'a name of NoProxy is looked up',
    async side => {
      side.origin.script = async conn => conn.write(`pong ${String(await conn.readUntil('\n'))}`)
      return asks(({ place }) => request(3, named('localhost'), place.origin))(side)
    },
    [OPEN, 'pong one\n'],
  ),
  same(
    'everybody is let in who wants to say a name and a password',
    dialogue([WITH_LOGON, 2], [logon('any', 'thing'), 2], [TO_NAME, 4]),
    ['0502', '0100', OPEN],
  ),
  same('no authentication is preferred', dialogue([Buffer.from([5, 2, 2, 0]), 2]), ['0500']),
  same('GSSAPI alone is refused', dialogue([Buffer.from([5, 1, 1]), 2]), ['05ff']),
  same('greeting and request may come at once', dialogue([Buffer.concat([GREETING, TO_NAME]), 6]), [
    `0500${OPEN}`,
  ]),
  same(
    'Header applies to the CONNECT',
    async side => (await connectFields(side)).filter(field => field.startsWith('X-')),
    ['X-Set: new'],
  ),
  better(
    'the CONNECT has no Host',
    'RFC 9112 section 3.2 demands it of HTTP/1.1',
    async side => (await connectFields(side)).filter(field => field.startsWith('Host:')),
    { cntlm: [], tsntlm: ['Host: site.test:443'] },
  ),
  better(
    'IPv6 addresses are refused',
    'IPv6 is in use',
    asks(() => request(4, Buffer.from('20010db8000000000000000000000001', 'hex'), 443)),
    { cntlm: ['05020001'], tsntlm: [OPEN, 'pong one\n', '[2001:db8::1]:443'] },
  ),
  better(
    'a name of more than 49 bytes is cut and loses its port',
    'a name has up to 255',
    asks(() => request(3, named(LONG_NAME), 443)),
    {
      cntlm: [OPEN, 'pong one\n', LONG_NAME.slice(0, 49)],
      tsntlm: [OPEN, 'pong one\n', `${LONG_NAME}:443`],
    },
  ),
  better(
    'a greeting in two pieces ends the connection',
    'TCP has no messages',
    async side => {
      const client = await side.open(side.place.socks)
      client.socket.setNoDelay(true)
      client.send(GREETING.subarray(0, 1))
      // cntlm closes behind the first piece; a second one that comes early would be taken for a part of it.
      if (side.name === 'tsntlm') client.send(GREETING.subarray(1))
      return read(client, 2)
    },
    { cntlm: CLOSED, tsntlm: '0500' },
  ),
  better(
    'BIND is answered 2',
    REPLY,
    asks(() => request(1, Buffer.from([192, 0, 2, 1]), 443, 2)),
    {
      cntlm: ['05020001'],
      tsntlm: ['05070001'],
    },
  ),
  better(
    'UDP is answered 2',
    REPLY,
    asks(() => request(1, Buffer.from([192, 0, 2, 1]), 443, 3)),
    {
      cntlm: ['05020001'],
      tsntlm: ['05070001'],
    },
  ),
  better(
    'a 403 of the upstream is answered 1',
    REPLY,
    asks(() => TO_NAME, refuses('403 No')),
    {
      cntlm: [FAILED, 'site.test:443'],
      tsntlm: ['05020001', 'site.test:443'],
    },
  ),
  better(
    'a 503 of the upstream is answered 1',
    REPLY,
    asks(() => TO_NAME, refuses('503 Down')),
    {
      cntlm: [FAILED, 'site.test:443'],
      tsntlm: ['05040001', 'site.test:443'],
    },
  ),
  better(
    'a dead port is answered 1',
    REPLY,
    asks(({ place }) => request(1, Buffer.from([127, 0, 0, 1]), place.dead)),
    { cntlm: [FAILED], tsntlm: ['05050001'] },
  ),
  better(
    'an unknown name is answered 1',
    REPLY,
    asks(() => request(3, named(UNKNOWN_NAME), 80)),
    {
      cntlm: [FAILED],
      tsntlm: ['05040001'],
    },
  ),
  better(
    'SOCKS4 is left to find out for itself',
    'its own refusal is understood',
    dialogue([Buffer.from([4, 1, 0, 80, 192, 0, 2, 1, 0]), 2]),
    { cntlm: [CLOSED], tsntlm: ['005b'] },
  ),
  better(
    'HTTP is left to find out for itself',
    'a browser that is set to the wrong port shows what is wrong',
    dialogue([Buffer.from('GET / HTTP/1.1\r\n\r\n'), 4]),
    { cntlm: [CLOSED], tsntlm: [Buffer.from('HTTP').toString('hex')] },
  ),
]

const OPEN_PORT = "it is the keyword of cntlm's manual, and who protects a port wants it protected"

/** The same dialogues where SOCKS5Users (the name that cntlm looks for) or SOCKS5User (that of its manual) names an account. */
function guarded(keyword: 'SOCKS5Users' | 'SOCKS5User'): Case[] {
  const steps: [name: string, play: Case['play'], asked: string[], open: string[]][] = [
    ['no account', dialogue([GREETING, 2]), ['05ff'], ['0500']],
    [
      'a wrong password',
      dialogue([WITH_LOGON, 2], [logon('joe', 'secret'), 2]),
      ['0502', '01ff'],
      ['0502', '0100'],
    ],
    [
      'another user',
      dialogue([WITH_LOGON, 2], [logon('jim', 'se:cret'), 2]),
      ['0502', '01ff'],
      ['0502', '0100'],
    ],
  ]
  const differing = steps.map(([name, play, asked, open]) =>
    keyword === 'SOCKS5Users'
      ? same(`${name} is refused`, play, asked)
      : better(`${name} is let in`, OPEN_PORT, play, { cntlm: open, tsntlm: asked }),
  )
  const right = dialogue([WITH_LOGON, 2], [logon('Joe', 'se:cret'), 2], [TO_NAME, 4])
  return [...differing, same('the account is let in, in any case', right, ['0502', '0100', OPEN])]
}

if (skipUnless(t, ['cntlm'])) {
  t.test('a SOCKS5 port', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      `SOCKS5Proxy 127.0.0.1:${place.socks}`,
      'NoProxy 127.0.0.1 localhost *.invalid',
      'Header X-Set: new',
    ])
    await compare(t, duel, open)
  })

  for (const keyword of ['SOCKS5Users', 'SOCKS5User'] as const) {
    t.test(`a SOCKS5 port with ${keyword}`, async t => {
      const duel = await startDuel(t, place => [
        ...basics(place),
        `SOCKS5Proxy ${place.socks}`,
        `${keyword} joe:se:cret`,
      ])
      await compare(t, duel, guarded(keyword))
    })
  }
}
