import t from 'tap'
import {
  isPersistent,
  responseFraming,
  type ResponseHandler,
  ResponseParser,
} from '../../../src/http1/index.ts'
import { everyCut, latin1, readResponse, type ReadOptions } from './read-response.ts'

const OK = 'HTTP/1.1 200 OK\r\n'
const SILENT: ResponseHandler = { informational() {}, head() {}, body() {}, end() {} }

interface Good {
  name: string
  bytes: string
  options?: ReadOptions
  status?: number
  reason?: string
  headers?: string[]
  framing: string
  body?: string
  trailers?: string[]
  leftover?: string
  informational?: number[]
}

const GOOD: Good[] = [
  {
    name: 'a body of known length',
    bytes: `${OK}Content-Length: 5\r\nX-A:  b c \t\r\n\r\nhello`,
    headers: ['Content-Length', '5', 'X-A', 'b c'],
    framing: 'length',
    body: 'hello',
  },
  {
    name: 'folded fields, their folds being spaces',
    bytes: `${OK}A: b\r\n c\r\n\t d: e \r\nB:\r\n f\r\nC: g\r\n \r\nContent-Length:\r\n 1\r\n\r\nx`,
    headers: ['A', 'b c d: e', 'B', 'f', 'C', 'g', 'Content-Length', '1'],
    framing: 'length',
    body: 'x',
  },
  {
    name: 'an empty body of known length',
    bytes: `${OK}Content-Length: 0\r\n\r\n`,
    headers: ['Content-Length', '0'],
    framing: 'length',
  },
  {
    name: 'chunks with extensions, trailers and upper-case hex',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\nA;a=b;c="d"\r\n0123456789\r\n00 ; x\r\nT: 1\r\nU:\r\n\r\n`,
    headers: ['Transfer-Encoding', 'chunked'],
    framing: 'chunked',
    body: '0123456789',
    trailers: ['T', '1', 'U', ''],
  },
  {
    name: 'a chunked body of no chunk',
    bytes: `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1`,
    headers: ['Transfer-Encoding', 'chunked'],
    framing: 'chunked',
    leftover: 'HTTP/1.1',
  },
  {
    name: 'a body until the connection closes',
    bytes: `${OK}\r\nall\r\n\r\nof it`,
    headers: [],
    framing: 'until-close',
    body: 'all\r\n\r\nof it',
  },
  {
    name: 'an HTTP/1.0 response without a reason phrase',
    bytes: 'HTTP/1.0 404\r\nContent-Length: 1\r\n\r\nx',
    status: 404,
    reason: '',
    headers: ['Content-Length', '1'],
    framing: 'length',
    body: 'x',
  },
  {
    name: 'a response to HEAD that names a length',
    bytes: `${OK}Content-Length: 500\r\n\r\n`,
    options: { method: 'HEAD' },
    headers: ['Content-Length', '500'],
    framing: 'none',
  },
  {
    name: 'a tunnel, whose first bytes are left over',
    bytes: 'HTTP/1.1 200 Connection established\r\nTransfer-Encoding: chunked\r\n\r\n\x16\x03\x01',
    options: { method: 'CONNECT' },
    reason: 'Connection established',
    headers: ['Transfer-Encoding', 'chunked'],
    framing: 'tunnel',
    leftover: '\x16\x03\x01',
  },
  {
    name: 'a refused CONNECT, which has a body like any other response',
    bytes: 'HTTP/1.1 407 Nope\r\nContent-Length: 4\r\n\r\npage',
    options: { method: 'CONNECT' },
    status: 407,
    reason: 'Nope',
    headers: ['Content-Length', '4'],
    framing: 'length',
    body: 'page',
  },
  {
    name: '101 after which the connection speaks something else',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nabc',
    status: 101,
    reason: 'Switching Protocols',
    headers: ['Upgrade', 'x'],
    framing: 'tunnel',
    leftover: 'abc',
  },
  {
    name: 'informational responses before the final one',
    bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    headers: ['Content-Length', '2'],
    framing: 'length',
    body: 'hi',
    informational: [100, 103],
  },
  {
    name: 'one empty line before the status line',
    bytes: `\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    headers: ['Content-Length', '2'],
    framing: 'length',
    body: 'hi',
  },
  {
    name: 'a header in Latin-1',
    bytes: 'HTTP/1.1 200 Schön\r\nX: \xe4\xf6\r\nContent-Length: 0\r\n\r\n',
    reason: 'Schön',
    headers: ['X', '\xe4\xf6', 'Content-Length', '0'],
    framing: 'length',
  },
]

t.test('every cut of a good response gives the same events', async t => {
  for (const good of GOOD) {
    const { name, bytes, options, status = 200, reason = 'OK', headers } = good
    const seen = new Set<string>()
    for (const pieces of everyCut(latin1(bytes))) {
      seen.add(JSON.stringify(readResponse(pieces, options)))
    }
    t.equal(seen.size, 1, `${name}: one outcome for all cuts`)
    const read = readResponse([latin1(bytes)], options)
    t.match(read.head, { status, reason, headers }, name)
    t.equal(read.framing?.kind, good.framing, `${name}: framing`)
    t.equal(read.body, good.body ?? '', `${name}: body`)
    t.same(read.trailers, good.trailers ?? [], `${name}: trailers`)
    t.equal(read.leftover, good.leftover ?? '', `${name}: leftover`)
    t.same(
      read.informational.map(head => head.status),
      good.informational ?? [],
      `${name}: informational`,
    )
  }
})

const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`

t.test('every cut of a bad response is refused for the same reason', async t => {
  const cases: [name: string, bytes: string, detail: RegExp][] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', /does not begin with "HTTP\/"/],
    ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x28', /does not begin/],
    ['shoutcast', 'ICY 200 OK\r\n\r\n', /does not begin/],
    ['HTTP/2 in words', 'HTTP/2.0 200 OK\r\n\r\n', /status line/],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', /status line/],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', /status line/],
    ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', /status line/],
    ['two empty lines first', `\r\n\r\n${OK}\r\n`, /status line|does not begin/],
    ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', /bare LF/],
    ['a bare LF in a complete header', `${OK}A: b\nC: d\r\n\r\n`, /bare LF|control/],
    ['a bare CR', `${OK}A: b\rC: d\r\n\r\n`, /control character in "A"/],
    ['a NUL beside a control character', `${OK}A: \x01\0\r\n\r\n`, /NUL|control/],
    [
      'a length with a control character',
      `${OK}Content-Length: 5\x01\r\n\r\nhello`,
      /Content-Length/,
    ],
    [
      'a coding with a control character',
      `${OK}Transfer-Encoding: chunked\x0b\r\n\r\n`,
      /Transfer-Encoding/,
    ],
    ['spaces within a chunk size', `${CHUNKED}5 5\r\nhello\r\n`, /chunk size/],
    ['a NUL', `${OK}A: b\0\r\n\r\n`, /NUL|control/],
    ['a control character in a fold', `${OK}A: b\r\n c\x01\r\n\r\n`, /control character in "A"/],
    ['a folded name', `${OK}A\r\n : b\r\n\r\n`, /header line 1/],
    ['a folded first line', `${OK} A: b\r\n\r\n`, /header line 1/],
    ['space before the colon', `${OK}A : b\r\n\r\n`, /header line 1/],
    ['no colon', `${OK}A\r\n\r\n`, /header line 1/],
    ['no name', `${OK}: b\r\n\r\n`, /header line 1/],
    ['two lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, /Content-Length/],
    ['a chunk size that is none', `${CHUNKED}zz\r\n`, /chunk size/],
    ['a chunk size with a sign', `${CHUNKED}+5\r\nhello\r\n`, /chunk size/],
    ['an empty chunk size', `${CHUNKED}\r\n`, /chunk size/],
    ['a chunk size line with a bare LF', `${CHUNKED}5\nhello\r\n`, /chunk size/],
    ['a chunk extension with a CR', `${CHUNKED}5;a\rb\r\nhello\r\n`, /chunk size/],
    ['a chunk size beyond 2^53', `${CHUNKED}20000000000000\r\n`, /chunk size/],
    ['chunk data that is longer than said', `${CHUNKED}2\r\nabc\r\n`, /not followed by CRLF/],
    ['a trailer without a name', `${CHUNKED}0\r\n: b\r\n\r\n`, /header line 1/],
    ['a trailer with a bare LF', `${CHUNKED}0\r\nA: b\n\r\n`, /bare LF|control/],
  ]
  for (const [name, bytes, detail] of cases) {
    for (const pieces of everyCut(latin1(bytes))) {
      const read = readResponse(pieces, { staysOpen: true })
      if (read.error !== 'UPSTREAM_PROTOCOL' || !detail.test(read.detail ?? '')) {
        t.fail(name, { read, pieces: pieces.map(String) })
      }
    }
    t.pass(name)
  }
})

t.test('what is not as it should be and harms nobody is read', async t => {
  const lenient = { takesBareLf: true }
  const length = ['Content-Length', '2', 'A', 'b']
  const cases: [name: string, bytes: string, limits: object, headers: string[], bareLf: boolean][] =
    [
      [
        'control characters in a value',
        `${OK}Set-Cookie: a=\x01b\x7f\r\nContent-Length: 2\r\n\r\nhi`,
        {},
        ['Set-Cookie', 'a=\x01b\x7f', 'Content-Length', '2'],
        false,
      ],
      [
        'spaces after a chunk size',
        `${CHUNKED}2  \r\nhi\r\n0 \r\n\r\n`,
        {},
        ['Transfer-Encoding', 'chunked'],
        false,
      ],
      ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi', lenient, length, true],
      ['a bare LF at one line', `${OK}Content-Length: 2\nA: b\r\n\r\nhi`, lenient, length, true],
      [
        'a bare LF before an empty line',
        `${OK}Content-Length: 2\r\nA: b\n\r\nhi`,
        lenient,
        length,
        true,
      ],
      ['a bare LF as empty line', `${OK}Content-Length: 2\r\nA: b\r\n\nhi`, lenient, length, true],
      [
        'CRLF where a bare LF may be',
        `${OK}Content-Length: 2\r\nA: b\r\n\r\nhi`,
        lenient,
        length,
        false,
      ],
      [
        'a body with empty lines',
        `${OK}Content-Length: 2\r\nA: b\r\n\r\n\n\n`,
        lenient,
        length,
        false,
      ],
    ]
  for (const [name, bytes, limits, headers, bareLf] of cases) {
    for (const pieces of everyCut(latin1(bytes))) {
      const read = readResponse(pieces, { staysOpen: true, limits })
      t.match(read, { head: { headers }, body: /^(?:hi|\n\n)$/ }, name)
      t.equal(read.head?.bareLf === true, bareLf, name)
      t.equal(read.head && read.framing && isPersistent(read.head, read.framing), !bareLf, name)
    }
  }
})

t.test('a logon in lines that end in a bare LF keeps its connection', async t => {
  const bytes = 'HTTP/1.1 407 Who\nProxy-Authenticate: NTLM\nContent-Length: 0\n\n'
  const { head, framing } = readResponse([latin1(bytes)], { limits: { takesBareLf: true } })
  t.match(head, { bareLf: true, headers: ['Proxy-Authenticate', 'NTLM', 'Content-Length', '0'] })
  t.equal(head && framing && isPersistent(head, framing), true)
})

t.test('a change of protocol is taken from nobody who was not asked', async t => {
  const head = { version: '1.1', status: 101, reason: '', headers: ['Upgrade', 'x'] } as const
  t.same(responseFraming('GET', head), { kind: 'tunnel' })
  t.throws(() => responseFraming('GET', head, false), { code: 'UPSTREAM_PROTOCOL' })
  t.throws(() => responseFraming('CONNECT', head, false), { code: 'UPSTREAM_PROTOCOL' })
})

t.test('a close in the middle says what is missing', async t => {
  const cases: [bytes: string, detail: string][] = [
    ['', 'nothing was received'],
    ['HTTP/1.1 200 OK\r\nA: b', 'the header was cut off'],
    ['HTTP/1.1 100 Continue\r\n\r\n', 'the header was cut off'],
    [`${OK}Content-Length: 9\r\n\r\nabc`, 'the body was cut off, 6 bytes are missing'],
    [`${CHUNKED}5\r\nab`, 'the chunked body was cut off'],
    [`${CHUNKED}0\r\n`, 'the chunked body was cut off'],
  ]
  for (const [bytes, detail] of cases) {
    t.match(readResponse([latin1(bytes)]), { error: 'UPSTREAM_CLOSED', detail })
  }
})

t.test('limits', async t => {
  const fields = (count: number) => 'A: b\r\n'.repeat(count)
  const chunked = (line: string) => `${CHUNKED}${line}`
  const cases: [name: string, bytes: string, limits: object, error: string | undefined][] = [
    ['a header as long as allowed', `${OK}A: b\r\n\r\n`, { headerBytes: 25 }, undefined],
    ['a header too long', `${OK}A: bc\r\n\r\n`, { headerBytes: 25 }, 'UPSTREAM_HEADER_LIMIT'],
    ['as many fields as allowed', `${OK}${fields(1000)}\r\n`, {}, undefined],
    ['too many fields', `${OK}${fields(1001)}\r\n`, {}, 'UPSTREAM_HEADER_LIMIT'],
    ['too many trailers', chunked(`0\r\n${fields(1001)}\r\n`), {}, 'UPSTREAM_HEADER_LIMIT'],
    [
      'a trailer section too long',
      chunked(`0\r\nA: ${'b'.repeat(100)}\r\n\r\n`),
      { headerBytes: 64 },
      'UPSTREAM_HEADER_LIMIT',
    ],
    ['a chunk line as long as allowed', chunked(`0;${'x'.repeat(253)}\r\n\r\n`), {}, undefined],
    ['a chunk line too long', chunked(`0;${'x'.repeat(254)}\r\n\r\n`), {}, 'UPSTREAM_PROTOCOL'],
    ['an endless chunk line', chunked('0'.repeat(300)), {}, 'UPSTREAM_PROTOCOL'],
    [
      'as many informational responses as allowed',
      `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(32)}${OK}\r\n`,
      {},
      undefined,
    ],
    [
      'too many informational responses',
      `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(33)}${OK}\r\n`,
      {},
      'UPSTREAM_PROTOCOL',
    ],
  ]
  for (const [name, text, limits, error] of cases) {
    const bytes = latin1(text)
    const half = bytes.length >> 1
    const options = { limits, staysOpen: true }
    t.equal(readResponse([bytes], options).error, error, name)
    const bytewise = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
    t.equal(readResponse(bytewise, options).error, error, `${name}, byte by byte`)
    const halves = [bytes.subarray(0, half), bytes.subarray(half)]
    t.equal(readResponse(halves, options).error, error, `${name}, in halves`)
  }
})

t.test(
  'an endless header line fails at the limit, byte by byte, without searching it again',
  async t => {
    const parser = new ResponseParser(SILENT)
    parser.begin('GET')
    parser.push(latin1(`${OK}A: `))
    const byte = latin1('x')
    let pushed = OK.length + 3
    t.throws(
      () => {
        for (;;) {
          pushed += 1
          parser.push(byte)
        }
      },
      { code: 'UPSTREAM_HEADER_LIMIT' },
    )
    t.equal(pushed, 65536)
  },
)
