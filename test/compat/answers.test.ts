import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, better, type Case, compare, same, type Side, startDuel, worse } from './duel.ts'
import { ask, CLOSED, send, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const PROTOCOL = '502 Bad Gateway (UPSTREAM_PROTOCOL)'

/** What a client gets of an answer that is given with LF for CRLF; without a length it ends the connection. */
const answered =
  (text: string, head = GET) =>
  async (side: Side) => {
    sends(side, text.replaceAll('\n', '\r\n'))
    return ask(side, head)
  }

function sends(side: Side, bytes: string): void {
  side.upstream.answer = conn => {
    conn.write(Buffer.from(bytes, 'latin1'))
    if (!bytes.includes('Content-Length')) conn.end()
  }
}

/** Neither changes anything in it. */
function untouched(name: string, head: string, body = ''): Case {
  const expected = body === '' ? head : `${head}\n\n${body}`
  return same(`${name} passes as it is`, answered(`HTTP/1.1 ${head}\n\n${body}`), expected)
}

/** The bytes of 1xx and final answers, as far as they come. */
const everything =
  (text: string) =>
  async (side: Side): Promise<string[]> => {
    sends(side, text.replaceAll('\n', '\r\n'))
    const client = await side.open()
    send(client, GET)
    const heads: string[] = []
    for (;;) {
      const head = await client.readHead().catch(() => CLOSED)
      const [line = ''] = head.split('\r\n')
      heads.push(line)
      if (!/ 1\d\d /.test(line)) return heads
    }
  }

const FINAL = 'HTTP/1.1 200 OK\nContent-Type: a/b\nContent-Length: 2\n\nok'

const cases: Case[] = [
  untouched(
    'a 404 with a reason of its own and a field in two spellings',
    '404 Gone Fishing\nSet-Cookie: a=1\nset-cookie: b=2\nX-Name: J\xf6rg\nContent-Length: 2',
    'no',
  ),
  untouched(
    'a 503',
    '503 Busy\nRetry-After: 3\nContent-Type: text/html\nContent-Length: 4',
    'busy',
  ),
  untouched(
    'a redirect',
    '302 There\nLocation: http://else.test/\nContent-Type: a/b\nContent-Length: 0',
  ),
  untouched(
    'a 401 of a web server behind the upstream',
    '401 Who\nWWW-Authenticate: NTLM\nContent-Length: 2',
    'no',
  ),
  untouched(
    'a 304 with the length of what it does not bring',
    '304 Not Modified\nETag: "x"\nContent-Length: 5',
  ),
  untouched('a 204', '204 No Content\nContent-Length: 0'),
  untouched('an answer without a reason', '200\nContent-Length: 2', 'ok'),
  untouched('a header of 30 KB', `200 OK\nX-Long: ${'x'.repeat(30_000)}\nContent-Length: 2`, 'ok'),
  same(
    'an answer in HTTP/1.0 that ends with the connection passes',
    answered('HTTP/1.0 200 OK\nContent-Type: text/plain\n\nok'),
    '200 OK\nContent-Type: text/plain\n\nok',
  ),
  same(
    'Proxy-Authenticate is taken off',
    answered('HTTP/1.1 200 OK\nProxy-Authenticate: Basic realm="x"\nContent-Length: 2\n\nok'),
    '200 OK\nContent-Length: 2\n\nok',
  ),
  better(
    'an upstream that closes without an answer is left to the client to find out',
    'a client that gets an error knows whose fault it is',
    answered(''),
    { cntlm: CLOSED, tsntlm: '502 Bad Gateway (UPSTREAM_CLOSED)' },
  ),
  better(
    'an answer that is no HTTP is left to the client to find out',
    'a client that gets an error knows whose fault it is',
    answered('SSH-2.0-OpenSSH\n\n'),
    { cntlm: CLOSED, tsntlm: PROTOCOL },
  ),
  better(
    'a 100 Continue of the upstream is the end of the answer',
    'RFC 9110 section 15.2 has the final answer follow; tsntlm says 100 itself when it wants the body',
    everything(`HTTP/1.1 100 Continue\n\n${FINAL}`),
    { cntlm: ['HTTP/1.1 100 Continue', CLOSED], tsntlm: ['HTTP/1.1 200 OK'] },
  ),
  better(
    'early hints are the end of the answer',
    'RFC 9110 section 15.2 has the final answer follow',
    everything(`HTTP/1.1 103 Early Hints\nLink: </a.css>\n\n${FINAL}`),
    {
      cntlm: ['HTTP/1.1 103 Early Hints', CLOSED],
      tsntlm: ['HTTP/1.1 103 Early Hints', 'HTTP/1.1 200 OK'],
    },
  ),
  better(
    'a folded field loses its second line',
    'RFC 9112 section 5.2 has a proxy pass the whole value, with spaces for folds',
    answered('HTTP/1.1 200 OK\nX-A: b\n c\nContent-Length: 2\n\nok'),
    {
      cntlm: '200 OK\nX-A: b\nContent-Length: 2\n\nok',
      tsntlm: '200 OK\nX-A: b c\nContent-Length: 2\n\nok',
    },
  ),
  same(
    'an answer with LF for line ends passes',
    async side => {
      sends(side, 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok')
      return ask(side, GET)
    },
    '200 OK\nContent-Length: 2\n\nok',
  ),
  worse(
    'an ICY answer, as radio streams had it, is refused',
    'it is no HTTP, and servers have long stopped to send it',
    async side => {
      sends(side, 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok')
      const client = await side.open()
      send(client, GET)
      const [line] = (await client.readHead()).split('\r\n')
      return statusOf(line ?? '')
    },
    { cntlm: 'ICY 200 OK', tsntlm: 'HTTP/1.1 502 Bad Gateway' },
  ),
  better(
    'what is cut off looks complete',
    'a reset tells the client that half of a file is no file',
    async side => {
      const client = await side.open()
      // Not before the client has read the half: a reset that comes with data reads as an end in node.
      let cut = (): void => undefined
      const isRead = new Promise<void>(resolve => (cut = resolve))
      side.upstream.answer = async conn => {
        conn.write('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 100\r\n\r\nhalf')
        await isRead
        conn.end()
      }
      send(client, GET)
      await client.reader.readUntil('half')
      cut()
      return client.reader.closed()
    },
    { cntlm: 'end', tsntlm: 'reset' },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('answers on their way to the client', async t => {
    await compare(t, await startDuel(t, basics), cases)
  })
}
