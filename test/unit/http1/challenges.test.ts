import t from 'tap'
import { type Challenge, parseChallenges } from '../../../src/http1/index.ts'

/** One challenge in short: scheme, token, parameters. */
function brief({ scheme, token68, params }: Challenge): string {
  const words = [...params].map(([name, value]) => `${name}=<${value}>`)
  return [scheme, ...(token68 === undefined ? [] : [`[${token68}]`]), ...words].join(' ')
}

t.test('challenges as they are met', async t => {
  const cases: [name: string, values: string[], expected: string[]][] = [
    ['nothing', [], []],
    ['an empty field', ['', ' , ,'], []],
    ['a bare scheme', ['NTLM'], ['NTLM']],
    ['a token', ['NTLM TlRMTVNTUAACAAAA'], ['NTLM [TlRMTVNTUAACAAAA]']],
    ['a padded token', ['NTLM TlRM+/=='], ['NTLM [TlRM+/==]']],
    ['a token with one pad', ['ntlm   TlRMTVM='], ['ntlm [TlRMTVM=]']],
    [
      'several fields',
      ['Negotiate', 'NTLM', 'Basic realm="x"'],
      ['Negotiate', 'NTLM', 'Basic realm=<x>'],
    ],
    ['one list', ['Negotiate, NTLM, Basic realm="x"'], ['Negotiate', 'NTLM', 'Basic realm=<x>']],
    [
      'a token within a list',
      ['Negotiate YII=, NTLM TlRM, Basic realm=x'],
      ['Negotiate [YII=]', 'NTLM [TlRM]', 'Basic realm=<x>'],
    ],
    [
      'quotes with commas, quotes and backslashes',
      ['Basic realm="a, NTLM, \\"b\\" \\\\", NTLM'],
      ['Basic realm=<a, NTLM, "b" \\>', 'NTLM'],
    ],
    [
      'parameters with space around them, then another scheme',
      ['Digest realm = "r" ,nonce=abc,\tqop="auth,auth-int" , NTLM'],
      ['Digest realm=<r> nonce=<abc> qop=<auth,auth-int>', 'NTLM'],
    ],
    ['stray commas', [',, NTLM ,,, Basic realm="x",, '], ['NTLM', 'Basic realm=<x>']],
    [
      'parameters that go on in the next field',
      ['Digest realm="r"', 'nonce=n'],
      ['Digest realm=<r> nonce=<n>'],
    ],
    ['the first of equal parameters', ['Basic Realm=a, REALM=b'], ['Basic realm=<a>']],
    ['an empty quoted value', ['Basic realm=""'], ['Basic realm=<>']],
    ['a missing comma', ['Basic realm="x" charset="UTF-8"'], ['Basic realm=<x>']],
    ['a quote that never ends', ['NTLM, Basic realm="x, y'], ['NTLM', 'Basic realm=<x, y>']],
    ['a parameter of nothing', ['realm=x, NTLM'], ['NTLM']],
    ['a token that is none', ['NTLM !{}'], ['NTLM [!{}]']],
    ['junk around a challenge', ['"", (x), NTLM, =, {'], ['NTLM']],
  ]
  for (const [name, values, expected] of cases) {
    t.same(parseChallenges(values).map(brief), expected, name)
  }
  t.match(parseChallenges(['nTlM x']), [{ scheme: 'nTlM', schemeLower: 'ntlm' }])
  t.notOk('token68' in (parseChallenges(['NTLM'])[0] ?? {}))
})

t.test('a flood is cut off, and long junk costs no more than its length', async t => {
  t.equal(parseChallenges([Array(10_000).fill('NTLM').join(',')]).length, 256)
  const floods = ['a"', '"\\', ' ,', 'a ', 'a= ', 'a=', '=', '\t', '"', '\\']
  for (const flood of floods) {
    const started = process.hrtime.bigint()
    parseChallenges([`NTLM ${flood.repeat(100_000)}!`])
    const ms = Number(process.hrtime.bigint() - started) / 1e6
    t.ok(ms < 1000, `${JSON.stringify(flood)} took ${ms.toFixed(1)} ms`)
  }
})
