import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, hangs, same, type Side, startDuel } from './duel.ts'
import { demandNtlm, KEEPS, sayHello } from './house.ts'
import { ask, CLOSED, readOutcome, send, served, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'

/** The fields by which upstreams say that the connection stays; Squid says the second one, HTTP/1.1 needs none. */
const OLD = ['Proxy-Connection: keep-alive']
const SQUID = ['Connection: keep-alive']

/** Two requests on one connection of a client, the second one behind the answer to the first. */
const twice =
  (fields: readonly string[], head = GET, second = head) =>
  async (side: Side) => {
    side.upstream.answer = conn => conn.respond('200 OK', 'hello', fields)
    const client = await side.open()
    send(client, head)
    const first = await readOutcome(side, client)
    send(client, second)
    return [first, await readOutcome(side, client)].map(statusOf)
  }

/** Three requests in one piece, and the bodies of the answers. */
const pipelined = (fields: readonly string[]) => async (side: Side) => {
  side.upstream.answer = (conn, { head }) => conn.respond('200 OK', head.split(' ')[1], fields)
  const client = await side.open()
  const heads = [1, 2, 3].map(n => GET.replace('/a', `/${n}`).replace('\n', '\r\n'))
  client.send(heads.map(head => `${head}\r\n\r\n`).join(''))
  const bodies: string[] = []
  while (bodies.length < heads.length)
    bodies.push(
      await client.readResponse().then(
        ({ text }) => text,
        () => CLOSED,
      ),
    )
  return bodies
}

const KEPT = ['200 OK', '200 OK']
const LOST = ['200 OK', CLOSED]
const IN_ORDER = [1, 2, 3].map(n => `http://site.test/${n}`)

const clients: Case[] = [
  same(
    'a client keeps its connection where the upstream says keep-alive in both ways',
    twice(KEEPS),
    KEPT,
  ),
  same(
    'a client keeps its connection where it and the upstream say Proxy-Connection: keep-alive',
    twice(OLD, `${GET}\nProxy-Connection: keep-alive`),
    KEPT,
  ),
  same(
    'a client that asks for another host next keeps its connection',
    twice(
      KEEPS,
      `${GET}\nConnection: keep-alive`,
      'GET http://other.test/ HTTP/1.1\nHost: other.test',
    ),
    KEPT,
  ),
  same('requests in one piece are answered in their order', pipelined(KEEPS), IN_ORDER),
  better(
    'a client loses its connection where the upstream says what Squid says',
    'the connection of a client does not depend on that of an upstream',
    twice(SQUID),
    { cntlm: LOST, tsntlm: KEPT },
  ),
  better(
    'a client loses its connection where the upstream says nothing, as HTTP/1.1 has it',
    'the connection of a client does not depend on that of an upstream',
    twice([]),
    { cntlm: LOST, tsntlm: KEPT },
  ),
  better(
    'requests in one piece are lost but for the first, where the upstream says what Squid says',
    'RFC 9112 section 9.3.2 allows a client to send them so',
    pipelined(SQUID),
    { cntlm: [IN_ORDER[0], CLOSED, CLOSED], tsntlm: IN_ORDER },
  ),
  better(
    'a client that says Connection: close waits for the end in vain',
    'RFC 9112 section 9.6 has the connection closed behind the answer',
    twice(KEEPS, `${GET}\nConnection: close`),
    { cntlm: KEPT, tsntlm: LOST },
  ),
  better(
    'a client is told close of a connection that stays',
    'what is said should be what is done',
    async side => {
      side.upstream.answer = conn => conn.respond('200 OK', 'hello', OLD)
      const client = await side.open()
      send(client, `${GET}\nProxy-Connection: keep-alive`)
      const told = (await client.readResponse()).values('connection')
      send(client, GET)
      return [...told, statusOf(await readOutcome(side, client))]
    },
    { cntlm: ['close', '200 OK'], tsntlm: ['keep-alive', '200 OK'] },
  ),
]

const KEEP = 'Proxy-Connection: keep-alive'

/** Requests of one client for a host after the other: cntlm has given a session back by the time that it looks for the next. */
const hostAfterHost = async (side: Side): Promise<unknown> => {
  side.upstream.hangUp()
  side.upstream.script = demandNtlm(side.upstream, { connectionLines: OLD })
  side.upstream.answer = conn => conn.respond('200 OK', 'hello', OLD)
  const client = await side.open()
  for (const host of ['one.test', 'two.test', 'three.test']) {
    send(client, `GET http://${host}/ HTTP/1.1\nHost: ${host}\n${KEEP}`)
    await readOutcome(side, client)
  }
  return { logons: side.upstream.verdicts.length, requests: served(side).length }
}

/** How many logons it takes to serve three clients, one after the other. */
function logons(name: string, fields: readonly string[]): Case {
  const play = async (side: Side): Promise<unknown> => {
    side.upstream.hangUp()
    side.upstream.script = demandNtlm(side.upstream, { connectionLines: fields })
    side.upstream.answer = conn => conn.respond('200 OK', 'hello', fields)
    for (let i = 0; i < 3; i++) await ask(side, GET)
    return { logons: side.upstream.verdicts.length, requests: served(side).length }
  }
  return better(name, 'a logon costs two round trips, and a domain controller its time', play, {
    cntlm: { logons: 3, requests: 3 },
    tsntlm: { logons: 1, requests: 3 },
  })
}

const sessions: Case[] = [
  same('an upstream that says Proxy-Connection alone sees one logon', hostAfterHost, {
    logons: 1,
    requests: 3,
  }),
  logons('an upstream that says what Squid says sees a logon for each client', SQUID),
  logons('an upstream that says keep-alive in both ways sees a logon for each client', KEEPS),
  logons('an upstream that says nothing, as HTTP/1.1 has it, sees a logon for each client', []),
]

/** A request on a session that has served one, which then fails by `trouble`. */
const onKept =
  (head: string, body: string, trouble: (side: Side) => void) => async (side: Side) => {
    side.upstream.hangUp()
    side.upstream.script = demandNtlm(side.upstream, { connectionLines: OLD })
    side.upstream.answer = conn => conn.respond('200 OK', 'hello', OLD)
    const client = await side.open()
    send(client, `GET http://other.test/ HTTP/1.1\nHost: other.test\n${KEEP}`)
    const first = await readOutcome(side, client)
    trouble(side)
    send(client, `${head}\n${KEEP}`, body)
    return [first, await readOutcome(side, client)].map(statusOf)
  }

const ends = (side: Side): void => {
  side.upstream.answer = conn => {
    side.upstream.answer = sayHello
    conn.end()
  }
}

const expires = (side: Side): void => side.upstream.expire()

const POST = 'POST http://site.test/a HTTP/1.1\nHost: site.test\nContent-Length: 3'

const troubles: Case[] = [
  better(
    'a request on a session that the upstream closes at that moment is lost',
    'nothing was answered and a GET may be repeated, RFC 9110 section 9.2.2',
    onKept(GET, '', ends),
    { cntlm: LOST, tsntlm: KEPT },
  ),
  same(
    'a request on a session whose logon the upstream has forgotten is repeated with a new one',
    onKept(GET, '', expires),
    KEPT,
  ),
  hangs(
    'a body for a session whose logon the upstream has forgotten',
    'it is kept until it is known to have arrived',
    onKept(POST, 'abc', expires),
    KEPT,
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('connections of clients', async t => {
    await compare(t, await startDuel(t, basics), clients)
  })

  t.test('sessions with an upstream', async t => {
    await compare(t, await startDuel(t, basics), sessions)
  })

  t.test('sessions that come to an end', async t => {
    await compare(t, await startDuel(t, basics), troubles)
  })
}
