import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, same, type Side, startDuel, worse } from './duel.ts'
import { ask, CLOSED, HELLO, readOutcome, send, served, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const BAD_REQUEST = '400 Bad Request (BAD_REQUEST)'
const BAD_TARGET = '400 Bad Request (BAD_TARGET)'

/** What the upstream got, and what the client. */
const passes = (head: string) => async (side: Side) => {
  const answer = await ask(side, head)
  return [...served(side), answer]
}

/** The status line alone. */
const gets = (head: string) => async (side: Side) => statusOf(await ask(side, head))

/** As `passes`, for bytes that are no lines of a head. */
const raw = (bytes: string) => async (side: Side) => {
  const client = await side.open()
  client.send(Buffer.from(bytes, 'latin1'))
  const answer = await readOutcome(side, client)
  return [...served(side), answer]
}

/** Neither changes anything in it. */
function untouched(name: string, head: string): Case {
  return same(`${name} passes as it is`, passes(head), [head, HELLO])
}

/** cntlm closes the connection without a word. */
function refused(name: string, because: string, play: Case['play'], ours: string): Case {
  return better(`${name} is not served`, because, play, { cntlm: [CLOSED], tsntlm: [ours] })
}

/** cntlm passes it on, as `theirs` where it changes it. */
function stopped(
  name: string,
  because: string,
  play: Case['play'],
  theirs: string,
  ours: string,
): Case {
  return better(`${name} goes no further`, because, play, {
    cntlm: [theirs, HELLO],
    tsntlm: [ours],
  })
}

const WITH_ERROR =
  'a client that gets an error instead of a closed connection can say what is wrong'

const cases: Case[] = [
  untouched(
    'a GET with several fields, two of one name among them,',
    'GET http://Site.test:8080/a/../b?c=%20d HTTP/1.1\nHost: Site.test:8080\nX-One: 1\nx-two: 2\nX-One: 3\nCookie: a=b; c=d',
  ),
  untouched('an https URL', 'GET https://site.test/a HTTP/1.1\nHost: site.test'),
  untouched('an ftp URL', 'GET ftp://site.test/a HTTP/1.1\nHost: site.test'),
  untouched('a URL without a path', 'OPTIONS http://site.test HTTP/1.1\nHost: site.test'),
  untouched('a WebDAV method', 'PROPFIND http://site.test/a HTTP/1.1\nHost: site.test\nDepth: 1'),
  untouched('a header of 20 KB', `${GET}\nX-Long: ${'x'.repeat(20_000)}`),
  same('the white space around values is taken off', passes(`${GET}\nX-A:   b c  `), [
    `${GET}\nX-A: b c`,
    HELLO,
  ]),
  same(
    'a HEAD has no body, whatever its length says',
    async side => {
      side.upstream.answer = conn =>
        conn.write('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 200\r\n\r\n')
      return [await ask(side, 'HEAD http://site.test/a HTTP/1.1\nHost: site.test'), ...served(side)]
    },
    [
      '200 OK\nContent-Type: a/b\nContent-Length: 200',
      'HEAD http://site.test/a HTTP/1.1\nHost: site.test',
    ],
  ),
  same(
    'bytes beyond ASCII pass',
    raw('GET http://site.test/a HTTP/1.1\r\nHost: site.test\r\nX-Name: J\xf6rg\r\n\r\n'),
    [`${GET}\nX-Name: J\xf6rg`, HELLO],
  ),
  same(
    '2500 fields pass',
    async side => {
      await ask(side, `${GET}\n${'X-F: 1\n'.repeat(2500)}`)
      return served(side).map(request => request.match(/X-F/g)?.length)
    },
    [2500],
  ),
  same(
    'the upstream is asked to keep the connection',
    async side => {
      await ask(side, GET)
      const { head } = side.upstream.take().at(-1)!
      return /^Proxy-Connection: (.*)$/im.exec(head.replaceAll('\r', ''))?.[1]
    },
    'keep-alive',
  ),
  better(
    'no Via is written',
    'RFC 9110 section 7.6.3 wants it of a proxy, and by it a loop is found',
    async side => {
      await ask(side, GET)
      return /^via: (\S+)/im.exec(side.upstream.take().at(-1)!.head)?.[1]
    },
    { cntlm: undefined, tsntlm: '1.1' },
  ),
  better(
    'fields that Connection names, TE and Upgrade pass',
    'they speak of one hop, RFC 9110 section 7.6.1',
    passes(`${GET}\nConnection: X-Hop\nX-Hop: 1\nKeep-Alive: 300\nTE: trailers\nUpgrade: h2c`),
    {
      cntlm: [`${GET}\nX-Hop: 1\nTE: trailers\nUpgrade: h2c`, HELLO],
      tsntlm: [GET, HELLO],
    },
  ),
  better(
    'a Host that is not that of the URL passes',
    'RFC 9112 section 3.2.2 has the URL decide, otherwise filters look at another name than the server',
    passes('GET http://site.test/a HTTP/1.1\nHost: other.test'),
    {
      cntlm: ['GET http://site.test/a HTTP/1.1\nHost: other.test', HELLO],
      tsntlm: [GET, HELLO],
    },
  ),
  stopped(
    'a request without Host',
    'RFC 9112 section 3.2 demands 400 for it',
    passes('GET http://site.test/a HTTP/1.1\nX-A: b'),
    `${GET}\nX-A: b`,
    BAD_REQUEST,
  ),
  stopped(
    'a request that is meant for a web server',
    'cntlm takes the path for a host, and nobody learns that a proxy was opened as a web page',
    passes('GET /a HTTP/1.1\nHost: site.test'),
    'GET /a HTTP/1.1\nHost: site.test',
    BAD_TARGET,
  ),
  better(
    'OPTIONS * goes no further',
    'it is meant for the proxy itself, RFC 9112 section 3.2.4, which says with a 200 that it is there',
    async side => {
      const answer = await ask(side, 'OPTIONS * HTTP/1.1\nHost: site.test')
      return [statusOf(answer), side.upstream.take().length > 0]
    },
    { cntlm: ['200 OK', true], tsntlm: ['200 OK', false] },
  ),
  better(
    'empty lines in front of a request end the connection',
    'RFC 9112 section 2.2 has them ignored',
    raw('\r\n\r\nGET http://site.test/a HTTP/1.1\r\nHost: site.test\r\n\r\n'),
    { cntlm: [CLOSED], tsntlm: [GET, HELLO] },
  ),
  stopped(
    'a request with LF for line ends',
    'readers that disagree about line ends can be shown two different requests',
    raw(`${GET}\n\n`),
    GET,
    BAD_REQUEST,
  ),
  stopped(
    'a folded field, of which cntlm drops the second line,',
    'RFC 9112 section 5.2 demands 400 or the whole value',
    raw(`${GET}\nX-A: b\n c\n\n`.replaceAll('\n', '\r\n')),
    `${GET}\nX-A: b`,
    BAD_REQUEST,
  ),
  stopped(
    'a line without a colon, which cntlm drops,',
    'what one reader drops and the next one reads can smuggle a request',
    raw(`${GET}\nnonsense\n\n`.replaceAll('\n', '\r\n')),
    GET,
    BAD_REQUEST,
  ),
  stopped(
    'white space between a name and its colon',
    'RFC 9112 section 5.1 demands 400',
    raw(`${GET}\nX-A : b\n\n`.replaceAll('\n', '\r\n')),
    `${GET}\nX-A : b`,
    BAD_REQUEST,
  ),
  better(
    'a tab behind a colon becomes part of the value',
    'RFC 9110 section 5.5 counts it as white space',
    raw(`${GET}\nX-A:\tb\n\n`.replaceAll('\n', '\r\n')),
    { cntlm: [`${GET}\nX-A: \tb`, HELLO], tsntlm: [`${GET}\nX-A: b`, HELLO] },
  ),
  better(
    'a request in version 2.0 passes as such',
    'RFC 9110 section 2.5 has each hop speak its own version',
    passes('GET http://site.test/a HTTP/2.0\nHost: site.test'),
    {
      cntlm: ['GET http://site.test/a HTTP/2.0\nHost: site.test', HELLO],
      tsntlm: [GET, HELLO],
    },
  ),
  refused(
    'a request line without a version',
    WITH_ERROR,
    raw('GET http://site.test/a\r\n\r\n'),
    BAD_REQUEST,
  ),
  refused('what is no HTTP', WITH_ERROR, raw('hello there\r\n\r\n'), BAD_REQUEST),
  refused(
    'TLS',
    WITH_ERROR,
    raw('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'),
    BAD_REQUEST,
  ),
  refused(
    'a URL with user information',
    WITH_ERROR,
    passes('GET http://u:p@site.test/a HTTP/1.1\nHost: site.test'),
    BAD_TARGET,
  ),
  refused(
    'a URL with port 0',
    WITH_ERROR,
    passes('GET http://site.test:0/a HTTP/1.1\nHost: site.test:0'),
    BAD_TARGET,
  ),
  better(
    'a URL with an IPv6 address is not served',
    'IPv6 is in use',
    passes('GET http://[2001:db8::1]:81/a HTTP/1.1\nHost: [2001:db8::1]:81'),
    {
      cntlm: [CLOSED],
      tsntlm: ['GET http://[2001:db8::1]:81/a HTTP/1.1\nHost: [2001:db8::1]:81', HELLO],
    },
  ),
  stopped(
    'a space in a URL, of which the rest takes the place of the version,',
    'RFC 9112 section 3 demands 400',
    passes('GET http://site.test/a b HTTP/1.1\nHost: site.test'),
    'GET http://site.test/a b\nHost: site.test',
    BAD_REQUEST,
  ),
  better(
    'a header of 200 KB passes',
    'a header without a limit is memory without a limit',
    gets(`${GET}\nX-Long: ${'x'.repeat(200_000)}`),
    { cntlm: '200 OK', tsntlm: '431 Request Header Fields Too Large (HEADERS_TOO_LARGE)' },
  ),
  worse(
    'a method that is in no registry is not passed on',
    "node's parser, the strict one, has a list of methods",
    gets('BREW http://site.test/a HTTP/1.1\nHost: site.test'),
    { cntlm: '200 OK', tsntlm: BAD_REQUEST },
  ),
  better(
    'an HTTP/1.0 request fails, as the upstream closes the connection with its challenge',
    'tsntlm speaks HTTP/1.1 to the upstream whatever the client speaks',
    gets('GET http://site.test/a HTTP/1.0\nHost: site.test'),
    { cntlm: CLOSED, tsntlm: '200 OK' },
  ),
  same(
    'an HTTP/1.0 request with Proxy-Connection: keep-alive is served',
    gets('GET http://site.test/a HTTP/1.0\nHost: site.test\nProxy-Connection: keep-alive'),
    '200 OK',
  ),
  better(
    'a client that closes its sending side behind the request gets nothing',
    'nc and shell scripts do so',
    async side => {
      const client = await side.open()
      send(client, GET)
      client.socket.end()
      return readOutcome(side, client)
    },
    { cntlm: CLOSED, tsntlm: HELLO },
  ),
]

const BOTH = 'User-Agent: Set/1\nX-Set: new'

const headers: Case[] = [
  same(
    'Header takes the place of the field of its name',
    passes(`${GET}\nUser-Agent: Mine/1\nX-A: b\nX-Set: mine`),
    [`${GET}\nUser-Agent: Set/1\nX-A: b\nX-Set: new`, HELLO],
  ),
  same(
    'Header applies to CONNECT',
    async side => {
      await ask(
        side,
        `CONNECT site.test:443 HTTP/1.1\nHost: site.test:443\n${BOTH.replaceAll(/: .*/g, ': x')}`,
      )
      return served(side)
    },
    [`CONNECT site.test:443 HTTP/1.1\nHost: site.test:443\n${BOTH}`],
  ),
  better(
    'Header replaces the first of two fields',
    'the second would still say what was to be hidden',
    passes(`${GET}\nUser-Agent: Mine/1\nX-Set: a\nUser-Agent: Mine/2`),
    {
      cntlm: [`${GET}\n${BOTH}\nUser-Agent: Mine/2`, HELLO],
      tsntlm: [`${GET}\n${BOTH}`, HELLO],
    },
  ),
  better(
    'Header does nothing where the client sends no such field',
    "cntlm's manual has it added, and cntlm 0.94 adds it",
    passes(GET),
    { cntlm: [GET, HELLO], tsntlm: [`${GET}\n${BOTH}`, HELLO] },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('requests on their way to the upstream', async t => {
    await compare(t, await startDuel(t, basics), cases)
  })

  t.test('the Header directive', async t => {
    const duel = await startDuel(t, place => [
      ...basics(place),
      'Header User-Agent: Set/1',
      'Header X-Set: new',
      'Header X-Set: newer',
    ])
    await compare(t, duel, headers)
  })
}
