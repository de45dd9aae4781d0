import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, type Configuration, same } from './duel.ts'
import { type Side, startDuel } from './duel.ts'
import { ACCOUNT, type Answer, demandNtlm, sayHello } from './house.ts'
import { CLOSED, send } from './normal.ts'

const BOB = { user: 'bob', domain: 'CORP', password: 'builder-815' } as const

/** What makes cntlm keep a session for other requests. */
const KEEP = 'Proxy-Connection: keep-alive'

const field = (value: string): string => `Proxy-Authorization: ${value}`

function basic(user: string, password: string): string {
  return field(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
}

const AS_ALICE = basic(ACCOUNT.user, ACCOUNT.password)
const AS_BOB = basic(BOB.user, BOB.password)
const AS_NOBODY = ''
const WRONG = basic(BOB.user, 'wrong')

/** An upstream that knows both. */
function expectBoth({ upstream }: Side, answer: Answer): void {
  upstream.hangUp()
  upstream.script = demandNtlm(upstream, { accounts: [ACCOUNT, BOB], connectionLines: [KEEP] })
  upstream.answer = answer
}

/** Who logged on at the upstream, in the order of their coming. */
function shown({ upstream }: Side): string[] {
  return upstream.verdicts.map(verdict =>
    verdict.ok ? `${verdict.domain}\\${verdict.user}` : 'rejected',
  )
}

/** Requests for other hosts on one connection; a connection that was closed is made anew. */
const asks =
  (...accounts: string[]) =>
  async (side: Side) => {
    expectBoth(side, conn => conn.respond('200 OK', 'hello', [KEEP]))
    const results: string[] = []
    let client = await side.open()
    for (const [i, account] of accounts.entries()) {
      if (client.socket.readableEnded) client = await side.open()
      const lines = [`GET http://host${i}.test/ HTTP/1.1`, `Host: host${i}.test`, KEEP, account]
      send(client, lines.join('\n'))
      const answer = await client.readResponse()
      results.push([answer.status, ...answer.values('proxy-authenticate')].join(' '))
      if (answer.status !== 200) client = await side.open()
    }
    return [...results, ...shown(side)]
  }

const pong: Answer = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(`pong ${String(await conn.readUntil('\n'))}`)
}

/** A connection that cannot name an account. */
const tunnels = (port: 'tunnel' | 'socks') => async (side: Side) => {
  expectBoth(side, (conn, request) =>
    request.head.startsWith('CONNECT ') ? pong(conn, request) : sayHello(conn, request),
  )
  const client = await side.open(side.place[port])
  if (port === 'socks') {
    client.send(Buffer.from([5, 1, 0]))
    await client.reader.readBytes(2)
    client.send(Buffer.from([5, 1, 0, 1, 192, 0, 2, 1, 1, 187]))
    const [, reply] = await client.reader.readBytes(10)
    if (reply !== 0) return [`reply ${reply}`, ...shown(side)]
  }
  client.send('one\n')
  const line = await client.reader.readUntil('\n').then(String, () => CLOSED)
  return [line, ...shown(side)]
}

const ASKED = '407 Basic realm="Cntlm Proxy"'
/** After a logon that failed. */
const ASKED_AGAIN = '407 Basic realm="Cntlm for parent"'

const ONE_REALM = 'browsers keep what they were told for one realm'
const LOCKED = 'three to five times lock the account'
const MANUAL = 'they have no way to name another, and the manual page of cntlm says so'

const demanded: Case[] = [
  same('a client without an account is asked for one', asks(AS_NOBODY), [ASKED]),
  same('one with credentials of another scheme too', asks(field('Bearer x')), [ASKED]),
  same('one whose credentials cannot be read too', asks(field('Basic !')), [ASKED]),
  same('the account of the client logs on', asks(AS_BOB), ['200', 'CORP\\bob']),
  same('it may name its domain', asks(basic('CORP\\bob', BOB.password)), ['200', 'CORP\\bob']),
  better('a wrong password makes the client be asked again', ONE_REALM, asks(WRONG), {
    cntlm: [ASKED_AGAIN, 'rejected'],
    tsntlm: [ASKED, 'rejected'],
  }),
  same('another client is asked for its own', asks(AS_BOB, AS_NOBODY), ['200', ASKED, 'CORP\\bob']),
  better(
    'a logon for each request',
    'each account has sessions of its own',
    asks(AS_BOB, AS_ALICE, AS_BOB),
    {
      cntlm: ['200', '200', '200', 'CORP\\bob', 'CORP\\alice', 'CORP\\bob'],
      tsntlm: ['200', '200', '200', 'CORP\\bob', 'CORP\\alice'],
    },
  ),
  better('a SOCKS5 client has no account', MANUAL, tunnels('socks'), {
    cntlm: ['reply 1', 'rejected'],
    tsntlm: ['pong one\n', 'CORP\\alice'],
  }),
  better('the client of a Tunnel has no account', MANUAL, tunnels('tunnel'), {
    cntlm: [CLOSED, 'rejected'],
    tsntlm: ['pong one\n', 'CORP\\alice'],
  }),
]

const volunteered: Case[] = [
  same('the account of the client counts', asks(AS_BOB), ['200', 'CORP\\bob']),
  same('credentials of another scheme do not', asks(field('Bearer x')), ['200', 'CORP\\alice']),
  better(
    'whoever comes next uses the session of that account',
    'what one is allowed is nothing for others',
    asks(AS_BOB, AS_NOBODY),
    { cntlm: ['200', '200', 'CORP\\bob'], tsntlm: ['200', '200', 'CORP\\bob', 'CORP\\alice'] },
  ),
  better(
    'the account of a client is ignored where there is a session',
    'it does not depend on luck who asks',
    asks(AS_NOBODY, AS_BOB),
    { cntlm: ['200', '200', 'CORP\\alice'], tsntlm: ['200', '200', 'CORP\\alice', 'CORP\\bob'] },
  ),
]

const again: Case[] = [
  better('a wrong password is sent as often as it comes', LOCKED, asks(WRONG, WRONG, WRONG), {
    cntlm: [ASKED_AGAIN, ASKED_AGAIN, ASKED_AGAIN, 'rejected', 'rejected', 'rejected'],
    tsntlm: [ASKED, ASKED, ASKED, 'rejected'],
  }),
]

const withBasic: Configuration = place => [
  ...basics(place),
  'NTLMToBasic yes',
  `SOCKS5Proxy 127.0.0.1:${place.socks}`,
  `Tunnel 127.0.0.1:${place.tunnel}:site.test:22`,
]

if (skipUnless(t, ['cntlm'])) {
  // What one case leaves behind, sessions and rejected passwords, would be there in the next.
  t.jobs = 3
  for (const [title, configuration, cases] of [
    ['NTLMToBasic', withBasic, demanded],
    ['NTLMToBasic and a wrong password', withBasic, again],
    ['Basic without NTLMToBasic', basics, volunteered],
  ] as const) {
    for (const each of cases) {
      t.test(title, { buffered: true }, async t => {
        await compare(t, await startDuel(t, configuration), [each])
      })
    }
  }
}
