import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { UNKNOWN_NAME } from '../harness/unknown-name.ts'
import { basics, better, type Case, compare, same, type Side, startDuel } from './duel.ts'
import type { Answer } from './house.ts'
import { ask, HELLO, readOutcome, send, served, statusOf } from './normal.ts'

const GET = 'GET http://127.0.0.1:{}/a HTTP/1.1\nHost: 127.0.0.1:{}'
const POST = 'POST http://127.0.0.1:{}/a HTTP/1.1\nHost: 127.0.0.1:{}'
const HOST = 'Host: 127.0.0.1:<origin>'

/** `{}` stands for the port of the origin, `{dead}` for one where nobody listens. */
function fill(side: Side, head: string): string {
  return head.replaceAll('{}', `${side.place.origin}`).replaceAll('{dead}', `${side.place.dead}`)
}

/** What the origin got, and the client. */
const passes =
  (head: string, body = '') =>
  async (side: Side) => {
    const answer = await ask(side, fill(side, head), body)
    return [...served(side, side.origin), answer]
  }

const gets = (head: string) => async (side: Side) => statusOf(await ask(side, fill(side, head)))

const WHY = 'a client that gets an error can say what is wrong'

const switches: Answer = async (conn, { head }) => {
  const isWished = /^upgrade: websocket/im.test(head) && /^connection: .*upgrade/im.test(head)
  if (!isWished) return conn.respond('400 Bad Request', '', ['Content-Type: a/b'])
  conn.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  await conn.hold()
}

const cases: Case[] = [
  same('a GET reaches the origin in its own form', passes(`${GET}\nX-A: b\nCookie: c`), [
    `GET /a HTTP/1.1\n${HOST}\nX-A: b\nCookie: c`,
    HELLO,
  ]),
  same('a body of a given length passes', passes(`${POST}\nContent-Length: 3`, 'abc'), [
    `POST /a HTTP/1.1\n${HOST}\nContent-Length: 3\n\nabc`,
    HELLO,
  ]),
  same(
    'a chunked body passes',
    passes(`${POST}\nTransfer-Encoding: chunked`, '3\r\nabc\r\n0\r\n\r\n'),
    [`POST /a HTTP/1.1\n${HOST}\n\nabc`, HELLO],
  ),
  same('a HEAD passes', passes(GET.replace('GET', 'HEAD')), [
    `HEAD /a HTTP/1.1\n${HOST}`,
    '200 OK\nContent-Type: text/plain\nContent-Length: 0',
  ]),
  same('a URL without a path means /', passes(GET.replace('/a', '')), [
    `GET / HTTP/1.1\n${HOST}`,
    HELLO,
  ]),
  same('Header does not apply to origins', passes(`${GET}\nUser-Agent: Mine/1`), [
    `GET /a HTTP/1.1\n${HOST}\nUser-Agent: Mine/1`,
    HELLO,
  ]),
  same(
    'a client keeps its connection',
    async side => {
      const client = await side.open()
      const answers: string[] = []
      for (let i = 0; i < 2; i++) {
        send(client, fill(side, GET))
        answers.push(await readOutcome(side, client))
      }
      return answers
    },
    [HELLO, HELLO],
  ),
  same(
    'an HTTP/1.0 request is served',
    gets('GET http://127.0.0.1:{}/ HTTP/1.0\nHost: x'),
    '200 OK',
  ),
  same(
    'a CONNECT is answered without fields, and leads to the origin',
    async side => {
      side.origin.script = async conn => conn.write(`pong ${String(await conn.readUntil('\n'))}`)
      const client = await side.open()
      send(client, fill(side, 'CONNECT 127.0.0.1:{} HTTP/1.1\nHost: x'), 'one\n')
      return [await client.readHead(), String(await client.reader.readUntil('\n'))]
    },
    ['HTTP/1.1 200 Connection established', 'pong one\n'],
  ),
  better(
    'the query of a URL without a path is lost',
    'it belongs to the request, RFC 9112 section 3.2.1',
    passes(GET.replace('/a', '?x=1')),
    {
      cntlm: [`GET / HTTP/1.1\n${HOST}`, HELLO],
      tsntlm: [`GET /?x=1 HTTP/1.1\n${HOST}`, HELLO],
    },
  ),
  better(
    'Proxy-Connection reaches the origin',
    'it is meant for the proxy',
    async side => {
      await ask(side, fill(side, `${GET}\nProxy-Connection: keep-alive`))
      const [request] = side.origin.take()
      return request!.head.split('\r\n').filter(line => /connection/i.test(line))
    },
    {
      cntlm: ['Proxy-Connection: keep-alive', 'Connection: keep-alive'],
      tsntlm: ['Connection: keep-alive'],
    },
  ),
  better(
    'a change of protocol is taken out',
    'WebSockets need it',
    async side => {
      side.origin.answer = switches
      return statusOf(
        await ask(side, fill(side, `${GET}\nConnection: Upgrade\nUpgrade: websocket`)),
      )
    },
    { cntlm: '400 Bad Request', tsntlm: '101 Switching Protocols' },
  ),
  better(
    'a GET to a dead port gets 502',
    WHY,
    gets('GET http://127.0.0.1:{dead}/ HTTP/1.1\nHost: x'),
    {
      cntlm: '502 Connection refused',
      tsntlm: '502 Bad Gateway (DIAL_REFUSED)',
    },
  ),
  better(
    'a CONNECT to a dead port gets 502',
    WHY,
    gets('CONNECT 127.0.0.1:{dead} HTTP/1.1\nHost: x'),
    {
      cntlm: '502 Connection refused',
      tsntlm: '502 Bad Gateway (DIAL_REFUSED)',
    },
  ),
  better(
    'an unknown name gets 502 Success',
    WHY,
    gets(`GET http://${UNKNOWN_NAME}/ HTTP/1.1\nHost: x`),
    {
      cntlm: '502 Success',
      tsntlm: '502 Bad Gateway (DIAL_DNS)',
    },
  ),
  better(
    'an https URL is asked for in clear text',
    'who writes https means TLS',
    passes('GET https://127.0.0.1:{}/a HTTP/1.1\nHost: 127.0.0.1:{}'),
    {
      cntlm: [`GET /a HTTP/1.1\n${HOST}`, HELLO],
      tsntlm: ['501 Not Implemented (NOT_SUPPORTED)'],
    },
  ),
]

type Way = 'direct' | 'upstream'

/** Whether a request for this host reaches the upstream; nobody else needs to be there. */
function way(host: string, cntlm: Way, tsntlm: Way, because?: string): Case {
  const play = async (side: Side): Promise<Way> => {
    await ask(side, fill(side, `GET http://${host}:{dead}/ HTTP/1.1\nHost: x`))
    return side.upstream.arrived.length > 0 ? 'upstream' : 'direct'
  }
  const name = `${host} goes ${cntlm === 'direct' ? 'directly' : 'to the upstream'}`
  return because === undefined
    ? same(name, play, cntlm)
    : better(name, because, play, { cntlm, tsntlm })
}

const CASE = 'case has no meaning in host names, RFC 4343'
const PLAIN = 'it is what people write, and can mean nothing else'

const PATTERNS =
  'local?ost 127.0.0.[0-9], *.x.test,,127.1.*, .2.0.1, 127.3.0.0/16 127.4.0.1:{dead} x;127.5.0.1'

const ways: Case[] = [
  way('localhost', 'direct', 'direct'),
  way('127.0.0.1', 'direct', 'direct'),
  way('127.1.0.1', 'direct', 'direct'),
  way('127.0.0.11', 'upstream', 'upstream'),
  way('my.localhost', 'upstream', 'upstream'),
  way('x.test', 'upstream', 'upstream'),
  way('Localhost', 'upstream', 'direct', CASE),
  way('127.2.0.1', 'upstream', 'direct', `a suffix, .2.0.1: ${PLAIN}`),
  way('127.3.0.1', 'upstream', 'direct', `a network, 127.3.0.0/16: ${PLAIN}`),
  way('127.4.0.1', 'upstream', 'direct', `a host with its port: ${PLAIN}`),
  way('127.5.0.1', 'upstream', 'direct', `semicolons between patterns: ${PLAIN}`),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('requests without an upstream', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      'NoProxy 127.0.0.1, *.invalid',
      'Header User-Agent: Set/1',
    ])
    await compare(t, duel, cases)
  })

  t.test('the patterns of NoProxy', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      `NoProxy ${PATTERNS.replace('{dead}', `${place.dead}`)}`,
    ])
    await compare(t, duel, ways)
  })

  t.test('names without a dot', async t => {
    const duel = await startDuel(t, place => [...basics(place), 'NoProxy <local>'])
    await compare(t, duel, [way('localhost', 'upstream', 'direct', PLAIN)])
  })
}
