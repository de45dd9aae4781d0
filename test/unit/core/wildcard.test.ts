import t from 'tap'
import { matchWildcard } from '../../../src/core/index.ts'

t.test('POSIX shell patterns match as fnmatch(3) has it, but in any case', async t => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['localhost', ['localhost', 'LocalHost'], ['localhost2', 'xlocalhost', '']],
    ['127.0.0.*', ['127.0.0.1', '127.0.0.', '127.0.0.1.2'], ['127.0.1.1', '1127.0.0.1']],
    ['10.*', ['10.1.2.3', '10.'], ['110.1.2.3', '10']],
    ['*.corp', ['git.corp', 'a.b.CORP', '.corp'], ['corp', 'git.corp.example', 'gitcorp']],
    ['.corp', ['.corp'], ['git.corp']],
    ['*', ['', 'anything.at.all', '::1'], []],
    ['**', ['', 'a'], []],
    ['?', ['a'], ['', 'ab']],
    ['host?', ['host1', 'host.'], ['host', 'host12']],
    ['host[0-9]', ['host0', 'host9'], ['hosta', 'host10', 'host']],
    ['host[0-35]', ['host2', 'host5'], ['host4']],
    ['host[!0-9]', ['hosta'], ['host1', 'host']],
    ['host[^0-9]', ['hosta'], ['host1']],
    ['[A-C]x', ['ax', 'Bx'], ['dx']],
    ['a[-b]', ['a-', 'ab'], ['ac']],
    ['a[b-]', ['a-', 'ab'], ['ac']],
    ['a[]b]', ['a]', 'ab'], ['a', 'ac']],
    ['a[b', ['a[b'], ['ab']],
    ['a\\*b', ['a*b'], ['axb', 'a\\*b']],
    ['a\\?', ['a?'], ['ab']],
    ['a\\[b]', ['a[b]'], ['ab']],
    ['a;b', ['a;b'], ['a', 'b']],
    ['a.b', ['a.b'], ['axb']],
    ['a+$', ['a+$'], ['aa']],
    ['10.*.1?.[13]', ['10.0.15.3', '10.0.0.15.1'], ['10.0.15.2', '10.0.5.1']],
    ['*a*b*', ['ab', 'xaxbx', 'aab'], ['ba', 'a']],
    ['fd00::*', ['fd00::1'], ['fd01::1']],
    ['', [''], ['a']],
  ]
  for (const [pattern, matching, others] of cases) {
    for (const text of matching) t.ok(matchWildcard(pattern, text), `${pattern} matches ${text}`)
    for (const text of others) t.notOk(matchWildcard(pattern, text), `${pattern} not ${text}`)
  }
})

// 300 stars over 3000 letters: the product is under two million steps, the ways to divide them are beyond counting.
t.test('no pattern makes it try every way to divide a text', async t => {
  const text = 'a'.repeat(3000)
  t.notOk(matchWildcard(`${'*a'.repeat(300)}*b`, text))
  t.ok(matchWildcard(`${'*a'.repeat(300)}*`, text))
  t.notOk(matchWildcard(`${'*?'.repeat(300)}[!a]`, text))
  t.notOk(matchWildcard('*'.repeat(3000) + 'b', text))
})
