import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, hangs, same, type Side, startDuel } from './duel.ts'
import { isLogonCheck, KEEPS, serveOpenly } from './house.ts'
import { ask, CLOSED, HELLO, send, served, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const POST = 'POST http://site.test/a HTTP/1.1\nHost: site.test'

const passes = (head: string, body: string) => async (side: Side) => {
  const answer = await ask(side, head, body)
  return [...served(side), answer]
}

/** What a client gets of an answer, LF for CRLF in the head; `ends` with the end of the connection. */
const answered =
  (head: string, body: string, ends = false) =>
  async (side: Side) => {
    side.upstream.answer = conn => {
      conn.write(`${head}\n\n`.replaceAll('\n', '\r\n') + body)
      if (ends) conn.end()
    }
    return ask(side, GET)
  }

const requests: Case[] = [
  same('a body of a given length passes', passes(`${POST}\nContent-Length: 3`, 'abc'), [
    `${POST}\nContent-Length: 3\n\nabc`,
    HELLO,
  ]),
  same('an empty body passes', passes(`${POST}\nContent-Length: 0`, ''), [
    `${POST}\nContent-Length: 0`,
    HELLO,
  ]),
  same(
    'a chunked body passes with its trailer',
    passes(
      `${POST}\nTransfer-Encoding: chunked`,
      '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n',
    ),
    [`${POST}\n\nabcde\nX-Sum: 9`, HELLO],
  ),
  same(
    'a megabyte arrives whole',
    async side => {
      const body = Buffer.alloc(1024 * 1024, 'tsntlm and cntlm ')
      const answer = await ask(
        side,
        `PUT http://site.test/a HTTP/1.1\nHost: site.test\nContent-Length: ${body.length}`,
        body,
      )
      const last = side.upstream.arrived.at(-1)!
      return [answer, last.body === body.toString()]
    },
    [HELLO, true],
  ),
  same(
    'no body goes out before the logon, and then once',
    async side => {
      await ask(side, `${POST}\nContent-Length: 3`, 'abc')
      const all = side.upstream.take()
      return [all.filter(({ body }) => body !== '').length, all.at(-1)?.body]
    },
    [1, 'abc'],
  ),
  hangs(
    'a GET with a body',
    'search engines are asked so, and RFC 9110 section 9.3.1 allows it',
    passes('GET http://site.test/a HTTP/1.1\nHost: site.test\nContent-Length: 3', 'abc'),
    ['GET http://site.test/a HTTP/1.1\nHost: site.test\nContent-Length: 3\n\nabc', HELLO],
  ),
  better(
    'a body with both a length and chunks passes',
    'RFC 9112 section 6.1: by that requests are smuggled',
    async side => {
      const answer = await ask(
        side,
        `${POST}\nContent-Length: 3\nTransfer-Encoding: chunked`,
        '3\r\nabc\r\n0\r\n\r\n',
      )
      const lengths = side.upstream.arrived.map(({ head }) =>
        /^(content-length|transfer-encoding): .*/gim.exec(head),
      )
      return [lengths.length, statusOf(answer)]
    },
    { cntlm: [2, '200 OK'], tsntlm: [0, '400 Bad Request (BAD_REQUEST)'] },
  ),
  better(
    'a broken chunk ends the connection',
    'the client is told why',
    async side => ask(side, `${POST}\nTransfer-Encoding: chunked`, 'zz\r\nabc\r\n'),
    { cntlm: CLOSED, tsntlm: '400 Bad Request (BAD_REQUEST)' },
  ),
]

const answers: Case[] = [
  same(
    'a chunked answer passes',
    answered(
      'HTTP/1.1 200 OK\nContent-Type: a/b\nTransfer-Encoding: chunked',
      '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    ),
    '200 OK\nContent-Type: a/b\n\nabcde',
  ),
  same(
    'an answer that ends with the connection passes',
    answered('HTTP/1.1 200 OK\nContent-Type: a/b\nConnection: close', 'abc', true),
    '200 OK\nContent-Type: a/b\n\nabc',
  ),
  hangs(
    'an answer without length and type that says keep-alive',
    'RFC 9112 section 6.3: the end of the connection is its end',
    answered(['HTTP/1.1 200 OK', 'X-A: b', ...KEEPS].join('\n'), 'abc', true),
    '200 OK\nX-A: b\n\nabc',
  ),
  same(
    'an answer passes with its trailer',
    async side => {
      side.upstream.answer = conn =>
        conn.write(
          'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n',
        )
      const client = await side.open()
      send(client, GET)
      return (await client.readResponse()).trailers
    },
    'X-Sum: 7\r\n',
  ),
  better(
    'an answer with both a length and chunks passes',
    'RFC 9112 section 6.3: it may be a smuggled answer',
    answered(
      'HTTP/1.1 200 OK\nContent-Type: a/b\nContent-Length: 3\nTransfer-Encoding: chunked',
      '3\r\nabc\r\n0\r\n\r\n',
    ),
    {
      cntlm: '200 OK\nContent-Type: a/b\nContent-Length: 3\n\nabc',
      tsntlm: '502 Bad Gateway (UPSTREAM_PROTOCOL)',
    },
  ),
]

/** Methods and bodies that reach an upstream which wants no logon. */
const reaches =
  (head: string, body = '') =>
  async (side: Side) => {
    side.upstream.script = serveOpenly(side.upstream)
    const answer = await ask(side, head, body)
    const seen = side.upstream.take().filter(request => !isLogonCheck(request.head))
    return [
      ...seen.map(request => `${request.head.split(' ')[0]} ${request.body}`.trim()),
      statusOf(answer),
    ]
  }

const open: Case[] = [
  same('a GET reaches an upstream without logon once', reaches(GET), ['GET', '200 OK']),
  better(
    'a POST reaches an upstream without logon twice, once without its body',
    'what is executed must be what the client sent',
    reaches(`${POST}\nContent-Length: 3`, 'abc'),
    { cntlm: ['POST', 'POST abc', '200 OK'], tsntlm: ['POST abc', '200 OK'] },
  ),
  better(
    'a HEAD reaches an upstream without logon as GET and HEAD',
    'the GET may be a download of gigabytes',
    reaches('HEAD http://site.test/a HTTP/1.1\nHost: site.test'),
    { cntlm: ['GET', 'HEAD', '200 OK'], tsntlm: ['HEAD', '200 OK'] },
  ),
]

const heads: Case[] = [
  better(
    'the first leg of a HEAD is a GET',
    'an upstream that answers it without a logon has done a GET',
    async side => {
      // It keeps no session, so that there is a first leg.
      side.upstream.answer = conn => {
        conn.write('HTTP/1.1 200 OK\r\n\r\n')
        conn.end()
      }
      await ask(side, GET)
      side.upstream.reset()
      await ask(side, 'HEAD http://site.test/a HTTP/1.1\nHost: site.test')
      return side.upstream
        .take()
        .filter(request => !isLogonCheck(request.head))
        .map(({ head }) => head.split(' ')[0])
    },
    { cntlm: ['GET', 'HEAD'], tsntlm: ['HEAD', 'HEAD'] },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('bodies of requests and answers', async t => {
    await compare(t, await startDuel(t, basics), [...requests, ...answers, ...heads])
  })
  t.test('an upstream that wants no logon', async t => {
    await compare(t, await startDuel(t, basics), open)
  })
}
