import { connect } from 'node:net'
import t from 'tap'
import { RawClient } from '../harness/http-client.ts'
import { accepts } from '../harness/real/port.ts'
import { skipUnless } from '../harness/real/programs.ts'
import {
  type Arguments,
  basics,
  better,
  type Case,
  compare,
  same,
  type Side,
  startDuel,
} from './duel.ts'
import { CLOSED, readOutcome, send, statusOf } from './normal.ts'

/** A client with this address; Linux has all of 127.0.0.0/8 on its loopback interface. */
function from(address: string, port: number): RawClient {
  const socket = connect({ port, host: '127.0.0.1', localAddress: address, allowHalfOpen: true })
  socket.on('error', () => undefined)
  return new RawClient(socket)
}

/** cntlm closes without having read the request, which sometimes resets the connection under the body of its answer. */
async function statusAlone(client: RawClient): Promise<string> {
  const [line = ''] = (await client.readHead()).split('\r\n')
  return line.replace(/^HTTP\/1\.[01] /, '').trim()
}

const asks =
  (address: string, port: 'listen' | 'socks' = 'listen') =>
  async (side: Side) => {
    const client = from(address, side.place[port])
    send(client, 'GET http://site.test/ HTTP/1.1\nHost: site.test')
    const outcome = await (side.name === 'cntlm' ? statusAlone(client) : readOutcome(side, client))
    client.destroy()
    return statusOf(outcome)
  }

function allowed(name: string, address: string): Case {
  return same(name, asks(address), '200 OK')
}

function denied(name: string, address: string): Case {
  return better(name, '407 asks for a logon that would not help', asks(address), {
    cntlm: '407 Access denied',
    tsntlm: '403 Forbidden (CLIENT_DENIED)',
  })
}

const RULES = [
  'Deny 127.0.0.2',
  'Allow 127.0.0.2',
  'Allow 127.0.3.3',
  'Deny 127.0.3.9/24',
  'Deny 127.9.0.0/16',
]

const cases: Case[] = [
  allowed('a client that no rule names is allowed', '127.0.0.1'),
  denied('of two rules for one address the first counts', '127.0.0.2'),
  allowed('an Allow in front of the Deny of its network counts', '127.0.3.3'),
  denied('an address with bits behind its length means the network', '127.0.3.4'),
  denied('a network is denied', '127.9.8.7'),
  allowed('another network is not', '127.8.8.7'),
  better(
    'a client of a SOCKS5 port gets an HTTP answer',
    'it understands none',
    asks('127.0.0.2', 'socks'),
    { cntlm: '407 Access denied', tsntlm: CLOSED },
  ),
]

const named: Case[] = [
  allowed('a name stands for its address', '127.0.0.1'),
  denied('and for no other', '127.0.0.2'),
]

const onCommandLine: Case[] = [
  allowed('the rules of the command line replace those of the file', '127.0.0.2'),
  denied('and deny others', '127.0.0.3'),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('Allow and Deny', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      `SOCKS5Proxy ${place.socks}`,
      ...RULES,
    ])
    await compare(t, duel, cases)
  })

  t.test('Allow with a host name', async t => {
    const duel = await startDuel(t, place => [...basics(place), 'Allow localhost', 'Deny *'])
    await compare(t, duel, named)
  })

  t.test('-A and -D', async t => {
    const rules = ['-A', '127.0.0.1', '-A127.0.0.2/32', '-D', '*']
    const args: Arguments = file => ['-f', '-c', file, ...rules]
    const duel = await startDuel(t, place => [...basics(place), ...RULES], args)
    await compare(t, duel, onCommandLine)
  })

  for (const [value, isEverywhere] of [
    ['true', false],
    ['YES', true],
  ] as const) {
    t.test('a Listen without an address', async t => {
      const duel = await startDuel(t, place => [
        ...basics(place).filter(line => !line.startsWith('Listen ')),
        `Listen ${place.listen}`,
        `Gateway ${value}`,
      ])
      const name = `Gateway ${value} opens it ${isEverywhere ? 'everywhere' : 'on 127.0.0.1'}`
      await compare(t, duel, [
        same(name, ({ place }) => accepts(place.listen, '127.0.0.2'), isEverywhere),
      ])
    })
  }
}
