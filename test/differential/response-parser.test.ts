import { type IncomingMessage, request } from 'node:http'
import { duplexPair } from 'node:stream'
import t from 'tap'
import { everyCut, latin1, readResponse } from '../unit/http1/read-response.ts'

/** What both sides say of one response, or that they refuse it. */
interface Verdict {
  readonly status: number
  readonly reason: string
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  readonly informational: readonly number[]
  /** Bytes that belong to a tunnel. */
  readonly tunnel: string
}
type Outcome = Verdict | 'refused'

/** Lets node's http client read the bytes, after which the peer closes. */
function askNode(method: string, bytes: Buffer): Promise<Outcome> {
  const [near, far] = duplexPair()
  const informational: number[] = []
  return new Promise(resolve => {
    const refuse = () => resolve('refused')
    const req = request({ method, path: 'h:1', createConnection: () => near })
    req.on('information', ({ statusCode }) => void informational.push(statusCode))
    const verdict = (res: IncomingMessage): Verdict => ({
      status: res.statusCode ?? 0,
      reason: res.statusMessage ?? '',
      headers: res.rawHeaders,
      body: '',
      trailers: res.rawTrailers,
      informational,
      tunnel: '',
    })
    const tunnel = (res: IncomingMessage, _: unknown, head: Buffer) => {
      const rest: Buffer[] = [head]
      near.on('data', (chunk: Buffer) => void rest.push(chunk))
      near.on('end', () => {
        resolve({ ...verdict(res), tunnel: Buffer.concat(rest).toString('latin1') })
      })
    }
    req.on('connect', tunnel)
    req.on('upgrade', tunnel)
    req.on('response', res => {
      const body: Buffer[] = []
      res.on('data', (chunk: Buffer) => void body.push(chunk))
      res.on('error', refuse)
      res.on('close', () => {
        if (!res.complete) return refuse()
        resolve({ ...verdict(res), body: Buffer.concat(body).toString('latin1') })
      })
    })
    req.on('error', refuse)
    far.once('data', () => far.end(bytes))
    far.resume()
    req.end()
  })
}

function askOurs(method: string, pieces: readonly Buffer[]): Outcome {
  const { head, error, framing, body, trailers, informational, leftover } = readResponse(pieces, {
    method,
  })
  if (head === undefined || error !== undefined) return 'refused'
  return {
    status: head.status,
    reason: head.reason,
    headers: head.headers,
    body,
    trailers: trailers ?? [],
    informational: informational.map(({ status }) => status),
    tunnel: framing?.kind === 'tunnel' ? leftover : '',
  }
}

const OK = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const OLD = 'HTTP/1.0 200 OK\r\n'

/** Method and bytes; GET when no method is named. */
type Case = string | readonly [method: string, bytes: string]

const SAME: Record<string, Case> = {
  length: `${OK}Content-Length: 5\r\n\r\nhello`,
  'length zero': `${OK}Content-Length: 0\r\n\r\n`,
  'length with leading zeros': `${OK}Content-Length: 0005\r\n\r\nhello`,
  'length cut off': `${OK}Content-Length: 5\r\n\r\nhell`,
  'length that is a word': `${OK}Content-Length: five\r\n\r\nhello`,
  'length that is negative': `${OK}Content-Length: -5\r\n\r\nhello`,
  'length that is a sum': `${OK}Content-Length: +5\r\n\r\nhello`,
  'length that is hex': `${OK}Content-Length: 0x5\r\n\r\nhello`,
  'length that is no integer': `${OK}Content-Length: 5.0\r\n\r\nhello`,
  'length that is two numbers': `${OK}Content-Length: 5 5\r\n\r\nhello`,
  'length that is too great': `${OK}Content-Length: 99999999999999999999\r\n\r\nhello`,
  'length and length': `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  'length and chunked': `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked and length': `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  'until close': `${OK}\r\neverything`,
  'until close, empty': `${OK}\r\n`,
  'until close, HTTP/1.0': `${OLD}Server: x\r\n\r\neverything\r\n\r\n`,
  'HTTP/1.0 with length': `${OLD}Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi`,
  'HTTP/1.0 chunked': `${OLD}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  chunked: `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
  'chunked in capitals': `${OK}Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n`,
  'chunked with small hex': `${CHUNKED}a\r\n0123456789\r\n0\r\n\r\n`,
  'chunked with leading zeros': `${CHUNKED}0005\r\nhello\r\n000\r\n\r\n`,
  'chunked and empty': `${CHUNKED}0\r\n\r\n`,
  'chunked with extensions': `${CHUNKED}5;a\r\nhello\r\n0;b=c;d="e"\r\n\r\n`,
  'chunked with trailers': `${CHUNKED}2\r\nhi\r\n0\r\nDigest: a=b\r\nX:  y \r\n\r\n`,
  'chunked data that holds line ends': `${CHUNKED}4\r\n\r\n\r\n\r\n0\r\n\r\n`,
  'chunked cut off in data': `${CHUNKED}5\r\nhel`,
  'chunked cut off before the end': `${CHUNKED}5\r\nhello\r\n`,
  'chunked cut off in the last line': `${CHUNKED}0\r\n`,
  'chunk size missing': `${CHUNKED}\r\nhello\r\n0\r\n\r\n`,
  'chunk size that is no hex': `${CHUNKED}g\r\nhello\r\n0\r\n\r\n`,
  'chunk size with a sign': `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`,
  'chunk size with 0x': `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`,
  'chunk size that is too great': `${CHUNKED}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`,
  'chunk size with space before it': `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`,
  'chunk longer than its size': `${CHUNKED}2\r\nhello\r\n0\r\n\r\n`,
  'chunk shorter than its size': `${CHUNKED}9\r\nhello\r\n0\r\n\r\n`,
  'chunk extension with a bare CR': `${CHUNKED}5;a\rb\r\nhello\r\n0\r\n\r\n`,
  'trailer without a colon': `${CHUNKED}0\r\nDigest\r\n\r\n`,
  'no content 204': 'HTTP/1.1 204 No Content\r\n\r\n',
  'not modified 304 with length': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n',
  'HEAD with length': ['HEAD', `${OK}Content-Length: 500\r\n\r\n`],
  'HEAD chunked': ['HEAD', CHUNKED],
  'HEAD with nothing': ['HEAD', `${OK}\r\n`],
  '100 before 200': `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  'a chain of 1xx': `HTTP/1.1 102 P\r\nA: b\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n${CHUNKED}0\r\n\r\n`,
  '100 and then nothing': 'HTTP/1.1 100 Continue\r\n\r\n',
  '407 with a page':
    'HTTP/1.1 407 Auth\r\nProxy-Authenticate: NTLM\r\nContent-Length: 4\r\n\r\npage',
  'CONNECT 200': ['CONNECT', 'HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x01'],
  'CONNECT 200 with a length to ignore': ['CONNECT', `${OK}Content-Length: 5\r\n\r\nabc`],
  'upgrade 101': 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc',
  'reason phrase empty': 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  'reason phrase missing': 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
  'reason phrase with spaces': 'HTTP/1.1 404  Not  Here \r\nContent-Length: 0\r\n\r\n',
  'status of 599': 'HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n',
  'status of 999': 'HTTP/1.1 999 Odder\r\nContent-Length: 0\r\n\r\n',
  'status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n',
  'status that is a word': 'HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n',
  'two spaces before the status': 'HTTP/1.1  200 OK\r\n\r\n',
  'version 1.2': 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n',
  'version in small letters': 'http/1.1 200 OK\r\n\r\n',
  'no HTTP at all': 'SSH-2.0-x\r\n\r\n',
  nothing: '',
  'half a status line': 'HTTP/1.1 2',
  'half a header': `${OK}Content-Le`,
  'an empty line first': `\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  'duplicates, case and order': `${OK}B: 1\r\na: 2\r\nb: 3\r\nContent-Length: 0\r\n\r\n`,
  'empty values': `${OK}A:\r\nB: \r\nC:\t\r\nContent-Length: 0\r\n\r\n`,
  'space and tab around a value': `${OK}A: \t b \t c \t \r\nContent-Length: 0\r\n\r\n`,
  'colons in a value': `${OK}A::b:c\r\nContent-Length: 0\r\n\r\n`,
  'bytes above 127': `${OK}A: \xe9\xff\r\nContent-Length: 0\r\n\r\n`,
  'all token characters': `${OK}!#$%&'*+-.^_\`|~9aZ: x\r\nContent-Length: 0\r\n\r\n`,
  'a name with a space': `${OK}A B: c\r\nContent-Length: 0\r\n\r\n`,
  'a name with a space after it': `${OK}A : c\r\nContent-Length: 0\r\n\r\n`,
  'a name with a slash': `${OK}A/B: c\r\nContent-Length: 0\r\n\r\n`,
  'no name': `${OK}: c\r\nContent-Length: 0\r\n\r\n`,
  'no colon': `${OK}Abc\r\nContent-Length: 0\r\n\r\n`,
  'a NUL in a value': `${OK}A: b\0c\r\nContent-Length: 0\r\n\r\n`,
  'a bare CR in a value': `${OK}A: b\rc\r\nContent-Length: 0\r\n\r\n`,
  'bytes after the end': `${OK}Content-Length: 2\r\n\r\nhiHTTP`,
  'bare LF everywhere': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi',
  'bare LF after the status line': 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi',
  'bare LF after a field': `${OK}Content-Length: 2\nA: b\r\n\r\nhi`,
  'bare LF for the empty line': `${OK}Content-Length: 2\r\n\nhi`,
  'bare LF after a chunk size': `${CHUNKED}2\nhi\r\n0\r\n\r\n`,
  'bare LF after chunk data': `${CHUNKED}2\r\nhi\n0\r\n\r\n`,
  'a folded first line': `${OK} A: b\r\nContent-Length: 2\r\n\r\nhi`,
  'a tab before the reason phrase': 'HTTP/1.1 200\tOK\r\nContent-Length: 2\r\n\r\nhi',
  shoutcast: 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  identity: `${OK}Transfer-Encoding: identity\r\n\r\nhi`,
  'identity and length': `${OK}Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi`,
  '204 with length': 'HTTP/1.1 204 N\r\nContent-Length: 2\r\n\r\n',
  '204 chunked': 'HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n',
  'CONNECT 200 chunked': ['CONNECT', `${CHUNKED}abc`],
}

/** Where the two part on purpose, in short as told by `brief`. */
const DIFFERENT: { name: string; bytes: Case; node: string; ours: string; why: string }[] = [
  {
    name: 'a control character in a value',
    bytes: `${OK}A: b\x01c\r\nContent-Length: 2\r\n\r\nhi`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9110 section 5.5 lets a recipient retain it, and web servers do write them',
  },
  {
    name: 'a DEL in a value',
    bytes: `${OK}A: b\x7f\r\nContent-Length: 2\r\n\r\nhi`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9110 section 5.5 lets a recipient retain it, and web servers do write them',
  },
  {
    name: 'chunk size with space after it',
    bytes: `${CHUNKED}2 \r\nhi\r\n0\r\n\r\n`,
    node: 'refused',
    ours: '200 hi|',
    why: 'some servers fill sizes up with spaces, and the body goes on in chunks of our own',
  },
  {
    name: 'a folded line',
    bytes: `${OK}A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9112 section 5.2 lets a proxy replace each fold by spaces',
  },
  {
    name: 'a length in a folded line',
    bytes: `${OK}Content-Length:\r\n 5\r\n\r\nhello`,
    node: 'refused',
    ours: '200 hello|',
    why: 'RFC 9112 section 5.2 lets a proxy replace each fold by spaces, and it goes on without them',
  },
  {
    name: 'equal lengths',
    bytes: `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9112 section 6.3 item 5 lets equal lengths count as one, and hop-by-hop.ts sends one on',
  },
  {
    name: 'equal lengths in a list',
    bytes: `${OK}Content-Length: 2, 2\r\n\r\nhi`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9112 section 6.3 item 5 lets equal lengths count as one, and hop-by-hop.ts sends one on',
  },
  {
    name: 'space before a chunk extension',
    bytes: `${CHUNKED}2 ; a\r\nhi\r\n0\r\n\r\n`,
    node: 'refused',
    ours: '200 hi|',
    why: 'RFC 9112 section 7.1.1 has BWS there',
  },
  {
    name: 'a chunk extension that is no token',
    bytes: `${CHUNKED}2;(a\r\nhi\r\n0\r\n\r\n`,
    node: 'refused',
    ours: '200 hi|',
    why: 'extensions are skipped unread',
  },
  {
    name: 'gzip coding',
    bytes: `${OK}Transfer-Encoding: gzip\r\n\r\nhi`,
    node: '200 hi|',
    ours: 'refused',
    why: 'a coding that nobody asked for and nobody undoes would reach the client as garbage',
  },
  {
    name: 'gzip under chunked',
    bytes: `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    node: '200 |',
    ours: 'refused',
    why: 'a coding that nobody asked for and nobody undoes would reach the client as garbage',
  },
  {
    name: 'gzip over chunked',
    bytes: `${OK}Transfer-Encoding: chunked, gzip\r\n\r\nhi`,
    node: '200 hi|',
    ours: 'refused',
    why: 'a coding that nobody asked for and nobody undoes would reach the client as garbage',
  },
  {
    name: 'chunked twice',
    bytes: `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    node: '200 |',
    ours: 'refused',
    why: 'RFC 9112 section 6.1 forbids it, readers differ',
  },
  {
    name: 'HEAD with a bad length',
    bytes: ['HEAD', `${OK}Content-Length: x\r\n\r\n`],
    node: 'refused',
    ours: '200 |',
    why: 'no body follows, so its framing fields frame nothing',
  },
  {
    name: 'HEAD with length and chunked',
    bytes: ['HEAD', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`],
    node: 'refused',
    ours: '200 |',
    why: 'no body follows, so its framing fields frame nothing',
  },
  {
    name: 'CONNECT 200 with length and chunked',
    bytes: ['CONNECT', `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhi`],
    node: 'refused',
    ours: '200 |hi',
    why: 'RFC 9110 section 9.3.6: a client ignores both',
  },
  {
    name: 'CONNECT 407',
    bytes: ['CONNECT', 'HTTP/1.1 407 A\r\nContent-Length: 4\r\n\r\npage'],
    node: '407 |page',
    ours: '407 page|',
    why: 'node takes every answer to CONNECT for a tunnel, which is why this parser exists',
  },
  {
    name: '101 not asked for',
    bytes: 'HTTP/1.1 101 S\r\n\r\nabc',
    node: '101 |',
    ours: '101 |abc',
    why: 'who asked is not known here',
  },
  {
    name: 'three empty lines first',
    bytes: `\r\n\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    node: '200 hi|',
    ours: 'refused',
    why: 'one is an accident, more is another protocol',
  },
  {
    name: 'version 2.0',
    bytes: 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    node: '200 hi|',
    ours: 'refused',
    why: 'no such message is HTTP/1.x',
  },
  {
    name: 'version 0.9',
    bytes: 'HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nhi',
    node: '200 hi|',
    ours: 'refused',
    why: 'no such message is HTTP/1.x',
  },
  {
    name: 'status 099',
    bytes: 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi',
    node: '99 hi|',
    ours: 'refused',
    why: 'RFC 9110 section 15: 100 to 599, and no client could be given it',
  },
  {
    name: 'a control character in the reason phrase',
    bytes: 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nhi',
    node: '200 hi|',
    ours: 'refused',
    why: 'it could not be sent on',
  },
  {
    name: 'a NUL in the reason phrase',
    bytes: 'HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nhi',
    node: '200 hi|',
    ours: 'refused',
    why: 'it could not be sent on',
  },
]

/** Status, body and what belongs to a tunnel. */
function brief(outcome: Outcome): string {
  if (outcome === 'refused') return outcome
  return `${outcome.status} ${outcome.body}|${outcome.tunnel}`
}

function split(testCase: Case): readonly [method: string, bytes: Buffer] {
  const [method, text] = typeof testCase === 'string' ? ['GET', testCase] : testCase
  return [method, latin1(text)]
}

t.test('node and we read the same', async t => {
  for (const [name, testCase] of Object.entries(SAME)) {
    const [method, bytes] = split(testCase)
    const node = await askNode(method, bytes)
    const expected = JSON.stringify(node)
    t.same(askOurs(method, [bytes]), node, name)
    const odd = [...everyCut(bytes)].filter(
      pieces => JSON.stringify(askOurs(method, pieces)) !== expected,
    )
    t.equal(odd.length, 0, `${name}, cut at every offset`)
  }
})

t.test('node and we differ on purpose', async t => {
  for (const { name, bytes: testCase, node, ours, why } of DIFFERENT) {
    const [method, bytes] = split(testCase)
    t.equal(brief(await askNode(method, bytes)), node, `${name}: node`)
    const outcomes = Array.from(everyCut(bytes), pieces => brief(askOurs(method, pieces)))
    t.same([...new Set(outcomes)], [ours], `${name}: ours, because ${why}`)
  }
})

t.test('a header of 20 KB passes: the limit is 64 KiB here and 16 KiB at node', async t => {
  const bytes = latin1(`${OK}A: ${'b'.repeat(20_000)}\r\nContent-Length: 2\r\n\r\nhi`)
  t.equal(await askNode('GET', bytes), 'refused')
  t.equal(brief(askOurs('GET', [bytes])), '200 hi|')
})
