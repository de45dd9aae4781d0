import t from 'tap'
import { decodeConfigText, formatIssue, parseDirectives } from '../../../src/config/index.ts'

const lex = (text: string) => {
  const { directives, issues } = parseDirectives(text, 'f')
  return {
    pairs: directives.map(({ name, value }) => [name, value]),
    warnings: issues.map(formatIssue),
  }
}

t.test('a line becomes the keyword and value that cntlm makes of it', async t => {
  const table: [line: string, name: string, value: string][] = [
    ['Password "abc#d e;f" # comment', 'Password', 'abc#d e;f'],
    ['Password a"b c', 'Password', 'a"b c'],
    ["Password 'x y'", 'Password', "'x y'"],
    ['Password ab;cd', 'Password', 'ab;cd'],
    ['Password  abc  ', 'Password', 'abc'],
    ['Password abc #def', 'Password', 'abc'],
    ['Password ""', 'Password', ''],
    ['Password "  abc "', 'Password', '  abc '],
    ['Password"abc"', 'Password', 'abc'],
    ['Password "abc" ; comment', 'Password', 'abc'],
    ['Foo-Bar v', 'Foo', '-Bar v'],
    ['\t \f\v\rListen\t3128\r', 'Listen', '3128'],
    ['Listen       172.17.0.1:3128 # Change to your interface', 'Listen', '172.17.0.1:3128'],
    ['passNTLMv2 AB', 'passNTLMv2', 'AB'],
    ['Header X: a;b', 'Header', 'X: a;b'],
    ['Domain d:x', 'Domain', 'd:x'],
    ['Domain =', 'Domain', '='],
    ['Domain =x', 'Domain', '=x'],
  ]
  for (const [line, name, value] of table) {
    t.strictSame(lex(line).pairs, [[name, value]], line)
  }
})

t.test('empty lines and comments are nothing', async t => {
  t.strictSame(lex('\n  \n# a\n\t; b\n#Password x\r\n\r\n'), { pairs: [], warnings: [] })
})

t.test('what cntlm drops in silence is dropped with a warning that shows no value', async t => {
  const table: [line: string, warning: string][] = [
    [
      'Password ;abc',
      'f:1:10: warning: Password: there is no value, the line was ignored (a value that starts with ; goes in double quotes)',
    ],
    [
      'Domain;x',
      'f:1:7: warning: Domain: there is no value, the line was ignored (a value that starts with ; goes in double quotes)',
    ],
    ['Domain', 'f:1:7: warning: Domain: there is no value, the line was ignored'],
    [
      'Password "abc',
      'f:1:10: warning: Password: the closing quote is missing, the line was ignored',
    ],
    [
      '=x',
      'f:1:1: warning: the line does not start with a keyword and was ignored (a comment starts with #)',
    ],
    [
      '  \u00e9t\u00e9 1',
      'f:1:3: warning: the line does not start with a keyword and was ignored (a comment starts with #)',
    ],
    [
      '[local]',
      'f:1:1: warning: sections have no effect, what follows applies as if it were not there',
    ],
    ['abc[x] y', 'f:1:1: warning: the line reads as a section header and was ignored'],
    ['Passwordhunter2', 'f:1:16: warning: Password...: there is no value, the line was ignored'],
  ]
  for (const [line, warning] of table) {
    t.strictSame(lex(line), { pairs: [], warnings: [warning] }, line)
  }
})

t.test('what cntlm cuts in silence is cut with a warning', async t => {
  const table: [line: string, value: string, warning: string][] = [
    [
      'Password abc#def',
      'abc',
      'f:1:13: warning: Password: the value ends before # (put the value in double quotes if # belongs to it)',
    ],
    [
      'Password "abc#d e;f" junk',
      'abc#d e;f',
      'f:1:22: warning: Password: the text behind the closing quote was ignored (a quoted value ends at the next double quote and cannot contain one)',
    ],
    [
      'Proxy=a:1',
      '=a:1',
      'f:1:6: warning: Proxy: the value starts with "=" (only white space stands between a keyword and its value)',
    ],
    [
      'Proxy : a:1',
      ': a:1',
      'f:1:7: warning: Proxy: the value starts with ":" (only white space stands between a keyword and its value)',
    ],
  ]
  for (const [line, value, warning] of table) {
    const { pairs, warnings } = lex(line)
    t.equal(pairs[0]?.[1], value, line)
    t.strictSame(warnings, [warning], line)
  }
})

t.test('the origin points at the value', async t => {
  const { directives } = parseDirectives('\r\n  Proxy  a:1\nPassword "x"\nDomain ""', 'f')
  t.strictSame(
    directives.map(({ origin }) => origin),
    [
      { source: 'f', line: 2, column: 10 },
      { source: 'f', line: 3, column: 11 },
      { source: 'f', line: 4, column: 9 },
    ],
  )
})

t.test('a last line without newline counts and a long line is one line', async t => {
  const long = 'a'.repeat(10_000)
  t.strictSame(lex(`Domain d\nUsername ${long}`).pairs, [
    ['Domain', 'd'],
    ['Username', long],
  ])
})

t.test('a file is UTF-8 without its byte order mark, or else Latin-1', async t => {
  const table: [bytes: number[] | string, text: string][] = [
    ['P\u00e4ss \u20ac', 'P\u00e4ss \u20ac'],
    ['\ufeffDomain d', 'Domain d'],
    [[0x50, 0xe4, 0x73, 0x73], 'P\u00e4ss'],
    [[0xef, 0xbb, 0xbf, 0x50, 0xe4], 'P\u00e4'],
    [[], ''],
  ]
  for (const [bytes, text] of table) {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)
    t.equal(decodeConfigText(buffer), text)
  }
})
