import t from 'tap'
import {
  GO,
  HOSTS_ONLY,
  JAVA,
  type NoProxyDialect,
  PORTABLE,
  renderNoProxy,
} from '../../../src/setup/no-proxy.ts'

const DIALECTS = { PORTABLE, GO, JAVA, HOSTS_ONLY } as const satisfies Record<
  string,
  NoProxyDialect
>

/** What each dialect makes of a pattern; undefined where it has no word for it. */
const CASES: [pattern: string, expected: Record<keyof typeof DIALECTS, string | undefined>][] = [
  ['intranet', { PORTABLE: 'intranet', GO: 'intranet', JAVA: 'intranet', HOSTS_ONLY: 'intranet' }],
  ['Git.Corp', { PORTABLE: 'git.corp', GO: 'git.corp', JAVA: 'git.corp', HOSTS_ONLY: 'git.corp' }],
  ['.corp', { PORTABLE: '.corp', GO: '.corp', JAVA: '*.corp', HOSTS_ONLY: undefined }],
  ['*.corp', { PORTABLE: '.corp', GO: '.corp', JAVA: '*.corp', HOSTS_ONLY: undefined }],
  ['10.0.0.5', { PORTABLE: '10.0.0.5', GO: '10.0.0.5', JAVA: '10.0.0.5', HOSTS_ONLY: '10.0.0.5' }],
  ['[fd00::1]', { PORTABLE: 'fd00::1', GO: 'fd00::1', JAVA: '[fd00::1]', HOSTS_ONLY: 'fd00::1' }],
  ['10.*', { PORTABLE: undefined, GO: '10.0.0.0/8', JAVA: '10.*', HOSTS_ONLY: undefined }],
  ['10.*.*.*', { PORTABLE: undefined, GO: '10.0.0.0/8', JAVA: '10.*', HOSTS_ONLY: undefined }],
  [
    '192.168.7.*',
    { PORTABLE: undefined, GO: '192.168.7.0/24', JAVA: '192.168.7.*', HOSTS_ONLY: undefined },
  ],
  [
    '172.16.0.0/12',
    { PORTABLE: undefined, GO: '172.16.0.0/12', JAVA: undefined, HOSTS_ONLY: undefined },
  ],
  ['fd00::/8', { PORTABLE: undefined, GO: 'fd00::/8', JAVA: undefined, HOSTS_ONLY: undefined }],
  [
    'docker:2375',
    { PORTABLE: undefined, GO: 'docker:2375', JAVA: undefined, HOSTS_ONLY: undefined },
  ],
  ['*.corp:443', { PORTABLE: undefined, GO: '.corp:443', JAVA: undefined, HOSTS_ONLY: undefined }],
  ['[::2]:80', { PORTABLE: undefined, GO: '[::2]:80', JAVA: undefined, HOSTS_ONLY: undefined }],
  ...[
    '*',
    '<local>',
    '10.0.0.1-10.0.0.9',
    'foo*',
    '*foo',
    'h[ab]',
    '0/0',
    '10.*.5',
    '300.*',
    'a:0',
    '"; rm',
    '10.*:80',
  ].map((pattern): [string, Record<keyof typeof DIALECTS, string | undefined>] => [
    pattern,
    { PORTABLE: undefined, GO: undefined, JAVA: undefined, HOSTS_ONLY: undefined },
  ]),
]

for (const name of Object.keys(DIALECTS) as (keyof typeof DIALECTS)[]) {
  t.test(`${name} gets of each pattern what it understands, and the rest is told`, async t => {
    for (const [pattern, expected] of CASES) {
      const { entries, dropped } = renderNoProxy([pattern], DIALECTS[name])
      t.same(entries.slice(3), expected[name] === undefined ? [] : [expected[name]], pattern)
      t.same(dropped, expected[name] === undefined ? [pattern] : [], pattern)
    }
  })
}

t.test('the host itself is always in the list, each entry once', async t => {
  const { entries } = renderNoProxy(['localhost', 'a', 'A', '127.0.0.1'], PORTABLE)
  t.same(entries, ['localhost', '127.0.0.1', '::1', 'a'])
})

t.test('what is added as it is counts as understood', async t => {
  const rendered = renderNoProxy(['docker:2375'], PORTABLE, ['docker:2375', 'docker:2376'])
  t.same(rendered.entries.slice(3), ['docker:2375', 'docker:2376'])
  t.same(rendered.dropped, [])
})
