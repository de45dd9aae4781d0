import t from 'tap'
import { diffLines } from '../../../src/setup/diff.ts'

t.test('a diff shows the lines that differ and where', async t => {
  const cases: [before: string, after: string, lines: string[]][] = [
    ['', 'a\nb\n', ['@@ line 1', '+a', '+b']],
    ['a\nb\n', '', ['@@ line 1', '-a', '-b']],
    ['a\nb\nc\n', 'a\nB\nc\nd\n', ['@@ line 2', '-b', '+B', '@@ line 4', '+d']],
    ['a\nb\nc\n', 'a\nc\n', ['@@ line 2', '-b']],
    ['a\n', 'a', []],
  ]
  for (const [before, after, lines] of cases) t.same(diffLines(before, after), lines)
})

t.test('a diff shows no secret of the file', async t => {
  const secrets = [
    '{"auths":{"r":{"auth":"c2VjcmV0"}}}',
    '{"identitytoken": "c2VjcmV0\\"x"}',
    'proxy=http://user:c2VjcmV0@old:1',
    '  token = "c2VjcmV0"',
    '//r/:_authToken=c2VjcmV0',
    "password: 'c2VjcmV0'",
  ]
  for (const line of secrets) t.notMatch(diffLines(line, 'x').join('\n'), 'c2VjcmV0')
})
