import fc from 'fast-check'
import t from 'tap'
import {
  getHeader,
  parseAbsoluteForm,
  parseChallenges,
  serializeRequestHead,
  serializeResponseHead,
  viaNames,
} from '../../src/http1/index.ts'
import { isProxyError } from '../../src/core/index.ts'
import { latin1, readResponse } from '../unit/http1/read-response.ts'

const SEED = 20_240_229
const METHODS = ['GET', 'HEAD', 'POST', 'CONNECT']
const UPSTREAM_CODES = ['UPSTREAM_PROTOCOL', 'UPSTREAM_HEADER_LIMIT', 'UPSTREAM_CLOSED']

/** Pieces that a response is made of, good and bad, so that random sequences reach deep. */
const FRAGMENTS = [
  ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.0 407 Auth\r\n', 'HTTP/1.1 100 C\r\n\r\n', 'HTTP/1.1 204\r\n'],
  ...['HTTP/1.1 101 S\r\n', 'Content-Length: 5\r\n', 'Content-Length: 5, 5\r\n', 'A: b\r\n'],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    '\r\n',
    '\r',
    '\n',
    '\0',
    ' ',
    '\t',
    ' folded\r\n',
    ':',
  ],
  ...['5\r\nhello\r\n', '5;a=b\r\nhello\r\n', '0\r\n', '0\r\n\r\n', 'hello', 'fffffffffffff\r\n'],
]

const bytesOfFragments = fc
  .array(
    fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ unit: 'binary-ascii', maxLength: 4 })),
    {
      maxLength: 14,
    },
  )
  .map(parts => latin1(parts.join('')))

const GOOD = latin1(
  'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n' +
    '5\r\nhello\r\n10;ext=1\r\n0123456789abcdef\r\n0\r\nDigest: x\r\n\r\nrest',
)

/** A good response with a few bytes changed. */
const mutated = fc
  .array(fc.tuple(fc.nat(GOOD.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  .map(changes => {
    const bytes = Buffer.from(GOOD)
    for (const [at, byte] of changes) bytes[at] = byte
    return bytes
  })

const cuts = fc.array(fc.nat(120), { maxLength: 8 })

function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const ends = [...offsets.filter(at => at < bytes.length), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

t.test(
  'any bytes in any cut give events in order or a ProxyError, the same for every cut',
  async t => {
    const property = fc.property(
      fc.oneof(
        bytesOfFragments,
        mutated,
        fc.uint8Array({ maxLength: 64 }).map(bytes => Buffer.from(bytes)),
      ),
      cuts,
      fc.constantFrom(...METHODS),
      (bytes, offsets, method) => {
        const { detail: _whole, ...whole } = readResponse([bytes], { method })
        const { detail: _cut, ...cut } = readResponse(cutAt(bytes, offsets), { method })
        if (whole.error !== undefined && !UPSTREAM_CODES.includes(whole.error)) return false
        return JSON.stringify(whole) === JSON.stringify(cut)
      },
    )
    t.doesNotThrow(() => fc.assert(property, { seed: SEED, numRuns: 20_000 }))
  },
)

t.test('a head that we write is read back as it was', async t => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
  const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,12}[!-~\x80-\xff])?)?$/)
  const property = fc.property(
    fc.array(fc.tuple(token, value), { maxLength: 8 }),
    fc.integer({ min: 200, max: 999 }),
    (fields, status) => {
      const head = { version: '1.1', status, reason: 'R', headers: fields.flat() } as const
      const bytes = latin1(serializeResponseHead('1.1', head))
      const read = readResponse([bytes], { method: 'HEAD' })
      return JSON.stringify(read.head) === JSON.stringify(head)
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: SEED, numRuns: 2_000 }))
})

t.test('nothing that is written holds a line more than it has fields', async t => {
  const unit = fc.constantFrom('a', 'B', '-', '/', ':', ' ', '\xe9', '\r', '\n', '\0', '\u0100')
  const text = fc.string({ unit, maxLength: 3 })
  const property = fc.property(text, text, fc.array(text, { maxLength: 6 }), (m, target, list) => {
    const headers = list.length % 2 === 0 ? list : list.slice(1)
    try {
      const written = serializeRequestHead({ method: m, target, headers })
      return written.split(/[\r\n\0]+/).length === 2 + headers.length / 2
    } catch (error) {
      return isProxyError(error) && error.code === 'BAD_REQUEST'
    }
  })
  t.doesNotThrow(() => fc.assert(property, { seed: SEED, numRuns: 3_000 }))
})

t.test('readers of fields and targets take anything', async t => {
  const words = fc.constantFrom(
    'NTLM',
    'Basic',
    'realm="',
    '"',
    '\\',
    ',',
    ' ',
    '=',
    'a',
    '(',
    ')',
    'http://',
    '@',
  )
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words).map(list => list.join('')),
  )
  const property = fc.property(fc.array(junk, { maxLength: 3 }), values => {
    const headers = values.flatMap(value => ['Via', value])
    viaNames(headers, 'us')
    const target = parseAbsoluteForm(getHeader(headers, 'via') ?? '')
    const challenges = parseChallenges(values)
    return (
      (target === undefined || target.pathAndQuery.startsWith('/')) &&
      challenges.every(({ scheme, schemeLower }) => scheme.toLowerCase() === schemeLower)
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: SEED, numRuns: 5_000 }))
})
