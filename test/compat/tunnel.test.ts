import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, type Case, compare, same, type Side, startDuel } from './duel.ts'
import { type Answer, KEEPS } from './house.ts'
import { CLOSED, readable } from './normal.ts'

const pong: Answer = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(`pong ${String(await conn.readUntil('\n'))}`)
}

/** One line there, one line back. */
const says = (port: 'tunnel' | 'socks', answer: Answer) => async (side: Side) => {
  side.upstream.answer = answer
  const client = await side.open(side.place[port])
  client.send('one\n')
  return client.reader.readUntil('\n').then(String, () => CLOSED)
}

const cases: Case[] = [
  same('a connection leads through the upstream', says('tunnel', pong), 'pong one\n'),
  same(
    'the upstream is asked for the target, with Header applied',
    async side => {
      await says('tunnel', pong)(side)
      const [line, ...fields] = readable(side, side.upstream.arrived.at(-1)!).split('\n')
      return [line, fields.filter(field => !field.startsWith('Host: '))]
    },
    ['CONNECT site.test:22 HTTP/1.1', ['X-Set: new']],
  ),
  same(
    'a target that speaks first is heard',
    async side => {
      side.upstream.answer = async conn => {
        conn.write('HTTP/1.1 200 OK\r\n\r\nSSH-2.0-Test\n')
        await conn.hold()
      }
      const client = await side.open(side.place.tunnel)
      return String(await client.reader.readUntil('\n'))
    },
    'SSH-2.0-Test\n',
  ),
  same(
    'a refusal of the upstream ends the connection',
    says('tunnel', conn => conn.respond('403 No', 'no', ['Content-Type: a/b', ...KEEPS])),
    CLOSED,
  ),
  same(
    'a target of NoProxy is connected to',
    async side => {
      side.origin.script = async conn => conn.write(`direct ${String(await conn.readUntil('\n'))}`)
      return says('socks', pong)(side)
    },
    'direct one\n',
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('the ports of Tunnel', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      `Tunnel ${place.tunnel}:site.test:22`,
      `Tunnel 127.0.0.1:${place.socks}:127.0.0.1:${place.origin}`,
      'NoProxy 127.0.0.1',
      'Header X-Set: new',
    ])
    await compare(t, duel, cases)
  })
}
