import t from 'tap'
import type { ScriptedConnection } from '../harness/scripted-upstream.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, hangs, same, type Side, startDuel } from './duel.ts'
import type { Answer } from './house.ts'
import { ask, CLOSED, readOutcome, send, served } from './normal.ts'

const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** The way is open: every byte comes back, and the end behind the last one. */
async function echo(conn: ScriptedConnection, greeting = ESTABLISHED): Promise<void> {
  conn.write(greeting)
  conn.write(await conn.readToEnd())
  conn.end()
}

/** Opens a tunnel and reads the head of the answer; fields and all. */
async function openTunnel(side: Side, answer: Answer, early = '') {
  side.upstream.answer = answer
  const client = await side.open()
  send(client, CONNECT, early)
  const head = await client.readHead()
  return { client, head }
}

/** What is answered to one request on the tunnel, each side knowing how long it is. */
const pingPong: Answer = async conn => {
  conn.write(ESTABLISHED)
  for (;;) {
    const line = await conn.readUntil('\n').catch(() => undefined)
    if (line === undefined) return
    conn.write(`pong ${line.toString()}`)
  }
}

/** The upstream's answer to a CONNECT and what is left of it for the client. */
const answeredWith =
  (bytes: string, head = CONNECT) =>
  async (side: Side) => {
    side.upstream.answer = conn => conn.write(bytes)
    return ask(side, head)
  }

const cases: Case[] = [
  same(
    'the target and the fields of a CONNECT pass',
    async side => {
      side.upstream.answer = pingPong
      await ask(side, `${CONNECT}\nUser-Agent: git/2\nX-A: b`)
      return served(side)
    },
    [`${CONNECT}\nUser-Agent: git/2\nX-A: b`],
  ),
  same(
    'a tunnel carries both directions',
    async side => {
      const { client, head } = await openTunnel(side, pingPong)
      client.send('one\n')
      const first = await client.reader.readUntil('\n')
      client.send('two\n')
      return [head.split('\r\n')[0], String(first), String(await client.reader.readUntil('\n'))]
    },
    ['HTTP/1.1 200 Connection established', 'pong one\n', 'pong two\n'],
  ),
  same(
    'a megabyte comes through a tunnel whole',
    async side => {
      const bytes = Buffer.alloc(1024 * 1024, 'tsntlm and cntlm ')
      const { client } = await openTunnel(side, async conn => {
        conn.write(ESTABLISHED)
        conn.write(await conn.readBody(bytes.length))
      })
      client.send(bytes)
      return (await client.reader.readBytes(bytes.length)).equals(bytes)
    },
    true,
  ),
  same(
    'what the client sends with its CONNECT is not lost',
    async side => {
      const { client } = await openTunnel(side, pingPong, 'early\n')
      return String(await client.reader.readUntil('\n'))
    },
    'pong early\n',
  ),
  same(
    'what the target sends with the answer is not lost',
    async side => {
      const { client } = await openTunnel(side, async conn => {
        conn.write(`${ESTABLISHED}SSH-2.0-Test\r\n`)
        await conn.hold()
      })
      return String(await client.reader.readUntil('\n'))
    },
    'SSH-2.0-Test\r\n',
  ),
  same(
    'the end of the target is the end for the client',
    async side => {
      const { client } = await openTunnel(side, conn => {
        conn.write(`${ESTABLISHED}bye`)
        conn.end()
      })
      return String(await client.reader.readToEnd())
    },
    'bye',
  ),
  same(
    'a refusal passes with its body',
    answeredWith(
      'HTTP/1.1 403 No\r\nX-Why: rules\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nrule',
    ),
    '403 No\nX-Why: rules\nContent-Type: a/b\nContent-Length: 4\n\nrule',
  ),
  same(
    'a failure of the target passes with its status',
    answeredWith('HTTP/1.1 503 Down\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\ndown'),
    '503 Down\nContent-Type: a/b\nContent-Length: 4\n\ndown',
  ),
  better(
    'the 200 to a CONNECT says Connection: close',
    'Java clients close the tunnel at once when they read it',
    async side =>
      /^connection: (.*)$/im.exec(
        (await openTunnel(side, pingPong)).head.replaceAll('\r', ''),
      )?.[1],
    { cntlm: 'close', tsntlm: undefined },
  ),
  better(
    'the fields of the upstream come with the 200',
    'no client needs them and some dislike any',
    async side => {
      const greeting = 'HTTP/1.1 200 OK\r\nProxy-Agent: Old/1\r\n\r\n'
      const { head } = await openTunnel(side, conn => echo(conn, greeting))
      return /^proxy-agent: (.*)$/im.exec(head)?.[1]
    },
    { cntlm: 'Old/1', tsntlm: undefined },
  ),
  hangs(
    'a tunnel that the upstream opens with another 2xx than 200',
    'RFC 9110 section 9.3.6 says any 2xx',
    async side => {
      const { client } = await openTunnel(side, async conn => {
        conn.write('HTTP/1.1 201 Made\r\n\r\n')
        conn.write(`pong ${String(await conn.readUntil('\n'))}`)
      })
      client.send('one\n')
      return String(await client.reader.readUntil('\n'))
    },
    'pong one\n',
  ),
  better(
    'a client that ends its sending side loses what is on the way back',
    'an end of one direction is no end of the other, RFC 9293 section 3.6',
    async side => {
      const { client } = await openTunnel(side, conn => echo(conn))
      client.send('ping')
      client.socket.end()
      return String(await client.reader.readToEnd())
    },
    { cntlm: '', tsntlm: 'ping' },
  ),
  better(
    'a CONNECT without a port passes',
    'RFC 9112 section 3.2.3 demands the port',
    async side => {
      const answer = await ask(side, 'CONNECT site.test HTTP/1.1\nHost: site.test')
      return [...served(side), answer.split('\n')[0]]
    },
    {
      cntlm: ['CONNECT site.test HTTP/1.1\nHost: site.test', '200 OK'],
      tsntlm: ['400 Bad Request (BAD_TARGET)'],
    },
  ),
  better(
    'a CONNECT in HTTP/1.0 fails, as the upstream closes the connection with its challenge',
    'tsntlm speaks HTTP/1.1 to the upstream whatever the client speaks',
    async side => {
      side.upstream.answer = pingPong
      const client = await side.open()
      send(client, 'CONNECT site.test:443 HTTP/1.0')
      return (await readOutcome(side, client, 'CONNECT')).split('\n')[0]
    },
    { cntlm: CLOSED, tsntlm: '200 Connection established' },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('CONNECT', async t => {
    await compare(t, await startDuel(t, basics), cases)
  })
}
