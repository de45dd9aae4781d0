import fc from 'fast-check'
import t from 'tap'
import { formatHostPort, isProxyError, parseHostPort } from '../../src/core/index.ts'
import { decodePac } from '../../src/pac/index.ts'
import { parsePacAnswer } from '../../src/policy/index.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261)
t.comment(`FUZZ_SEED=${seed}`)
const RUNS = { seed, numRuns: 3000 }

const item = fc.oneof(
  fc.constantFrom('DIRECT', 'direct', 'PROXY a:1', 'Proxy b', 'HTTP [::1]:3', 'SOCKS c:4', '', ' '),
  fc
    .tuple(
      fc.constantFrom('PROXY', 'HTTP', 'DIRECT', 'HTTPS', ''),
      fc.constantFrom(' ', '\t', '  ', ':'),
      fc.string({ unit: fc.constantFrom(...Array.from('ab.:[]01@/ \0\u00e4')), maxLength: 12 }),
    )
    .map(parts => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const answer = fc.array(item, { maxLength: 12 }).map(items => items.join(';'))

t.test('every item of an answer is a candidate, a repetition, or reported', async t => {
  let usable = 0
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(answer, text => {
        const { candidates, ignored } = parsePacAnswer(text)
        if (candidates.length > 0) usable++
        const items = text.split(';').filter(each => each.trim() !== '')
        const words = items.filter(each => /^\s*(?:proxy|http|direct)(?:\s|$)/i.test(each))
        return (
          candidates.length + ignored.length <= items.length &&
          candidates.length <= words.length &&
          ignored.length >= items.length - words.length
        )
      }),
      RUNS,
    ),
  )
  t.ok(usable > 500, 'many of them are usable')
})

t.test('an answer written from its candidates is read as the same', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(answer, text => {
        const { candidates } = parsePacAnswer(text)
        const written = candidates.map(each =>
          each.kind === 'direct' ? 'DIRECT' : `PROXY ${formatHostPort(each.address)}`,
        )
        const again = parsePacAnswer(written.join('; '))
        const whole = candidates.every(
          each =>
            each.kind === 'direct' || parseHostPort(formatHostPort(each.address)) !== undefined,
        )
        return (
          whole &&
          again.ignored.length === 0 &&
          JSON.stringify(again.candidates) === JSON.stringify(candidates)
        )
      }),
      RUNS,
    ),
  )
})

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(
      fc.constantFrom<number[]>([], [0xef, 0xbb, 0xbf], [0xff, 0xfe], [0xfe, 0xff], [0xff]),
      fc.string({ maxLength: 60 }),
      fc.constantFrom<BufferEncoding>('utf8', 'utf16le', 'latin1'),
    )
    .map(([mark, text, encoding]) => Buffer.from([...mark, ...Buffer.from(text, encoding)])),
)
const contentType = fc.option(
  fc.oneof(
    fc.constantFrom('utf-8', 'utf-16le', 'UTF-16BE', '"iso-8859-1"', 'shift_jis', 'x', ''),
    fc.string({ unit: 'binary', maxLength: 12 }),
  ),
  { nil: undefined },
)

t.test('bytes become text without NUL or are refused, whatever they are called', async t => {
  let decoded = 0
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(bytes, contentType, (data, charset) => {
        const type = charset === undefined ? undefined : `text/plain; charset=${charset}`
        try {
          const text = decodePac(data, type)
          decoded++
          return text.trim() !== '' && !text.includes('\0') && !text.startsWith('\ufeff')
        } catch (error) {
          return isProxyError(error) && error.code === 'PAC_SYNTAX'
        }
      }),
      RUNS,
    ),
  )
  t.ok(decoded > 500, 'many of them are decoded')
})
