import fc from 'fast-check'
import t from 'tap'
import {
  assembleConfig,
  decodeConfigText,
  describeConfig,
  DIRECTIVES,
  formatIssue,
  parseDirectives,
} from '../../src/config/index.ts'

const RUNS = { seed: 20251123, numRuns: 3000 }

/** The marker of a secret, which no issue may show. */
const CANARY = 'hunter2'

const keyword = fc.constantFrom(
  ...DIRECTIVES.flatMap(({ name, aliases }) => [name, name.toUpperCase(), ...aliases]),
  'Unknown',
)
const separator = fc.constantFrom(' ', '\t', '', '=', ': ', ' "')
const value = fc.oneof(
  fc.constantFrom(
    '3128',
    '*:3128',
    '127.0.0.1:3128',
    '[::1]:3128',
    'proxy:8080',
    'proxy 8080',
    'http://a:1',
    '10.0.0.0/8',
    '*',
    'yes',
    'NTLMv2',
    '2.5s',
    'X: y',
    'user:password',
    '2222:[::1]:22',
    '*:2222:host:22',
    '0'.repeat(32),
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(...Array.from('0123456789.:/[]*#;" \\@-xa\r\0\x1b')),
    maxLength: 30,
  }),
)
const line = fc.tuple(keyword, separator, value).map(parts => parts.join(''))
const lines = fc.array(fc.oneof({ weight: 4, arbitrary: line }, fc.string({ unit: 'binary' })))

t.test('no bytes make the decoder, the lexer or the assembler throw', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const { directives, issues } = parseDirectives(decodeConfigText(Buffer.from(bytes)), 'f')
        const assembled = assembleConfig(directives)
        return [...issues, ...assembled.issues].every(issue => formatIssue(issue) !== '')
      }),
      RUNS,
    ),
  )
})

t.test('lines that look like directives give a configuration or an error, never both', async t => {
  let usable = 0
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(lines, body => {
        const text = ['NoProxy *', 'Listen 1', ...body].join('\n')
        const { config, issues } = assembleConfig(parseDirectives(text, 'f').directives)
        const failed = issues.some(({ level }) => level === 'error')
        if (config !== undefined) {
          usable++
          describeConfig(config)
        }
        return failed === (config === undefined)
      }),
      RUNS,
    ),
  )
  t.ok(usable > 100, 'many of them are usable')
})

t.test('the value stands in the text where its origin says', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(lines, body => {
        const text = body.join('\n')
        const physical = text.split('\n')
        return parseDirectives(text, 'f').directives.every(directive => {
          const { line, column } = directive.origin
          return physical[line - 1]?.startsWith(directive.value, column - 1) === true
        })
      }),
      RUNS,
    ),
  )
})

t.test('the origin of every issue lies in the text', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(lines, body => {
        const text = body.join('\n')
        const physical = text.split('\n')
        const { directives, issues } = parseDirectives(text, 'f')
        return [...issues, ...assembleConfig(directives).issues].every(({ origin }) => {
          if (origin === undefined) return true
          const length = physical[origin.line - 1]?.length ?? -1
          return origin.column >= 1 && origin.column <= length + 1
        })
      }),
      RUNS,
    ),
  )
})

t.test('no issue shows what stands behind a secret keyword', async t => {
  const secretLine = fc
    .tuple(
      fc.constantFrom(
        'Password',
        'PassNT',
        'passlm',
        'PASSNTLMV2',
        'SOCKS5User',
        'SOCKS5Users x:',
        'Header',
      ),
      fc.constantFrom(' ', '\t', '=', ': ', ' "', ' = ', ' "x" ', ' x#', ' #', ' ;'),
    )
    .map(parts => parts.join('') + CANARY)
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(secretLine), body => {
        const { directives, issues } = parseDirectives(body.join('\n'), 'f')
        const all = [...issues, ...assembleConfig(directives).issues].map(formatIssue)
        return !all.join('\n').includes(CANARY)
      }),
      { ...RUNS, numRuns: 500 },
    ),
  )
})
