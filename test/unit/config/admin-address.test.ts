import t from 'tap'
import { assembleConfig, formatIssue, parseDirectives } from '../../../src/config/index.ts'

const read = (...lines: string[]) =>
  assembleConfig(parseDirectives(['NoProxy *', 'Listen 3128', ...lines].join('\n'), 'f').directives)

t.test('Admin takes a port, an address with a port, a socket or off', async t => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['9911', { host: '127.0.0.1', port: 9911 }],
    ['localhost:9911', { host: '127.0.0.1', port: 9911 }],
    ['127.0.0.5:9911', { host: '127.0.0.5', port: 9911 }],
    ['[::1]:9911', { host: '::1', port: 9911 }],
    ['unix:/run/tsntlm/admin.sock', { path: '/run/tsntlm/admin.sock' }],
    ['off', undefined],
  ]
  for (const [value, expected] of cases) {
    const { config, issues } = read(`Admin ${value}`)
    t.strictSame(config?.admin, expected, value)
    t.strictSame(issues.map(formatIssue), [], value)
  }
})

t.test('anything else is refused with the form', async t => {
  for (const value of [
    '0',
    '70000',
    'host.example:9911',
    '10.0.0.1',
    '*:9911',
    'unix:run/a',
    'x',
  ]) {
    const { config, issues } = read(`Admin ${value}`)
    t.equal(config, undefined, value)
    t.match(issues.map(formatIssue).join(), /Admin/, value)
  }
  t.match(
    read(`Admin unix:/${'a'.repeat(200)}`)
      .issues.map(formatIssue)
      .join(),
    /103 bytes/,
  )
})

t.test('an address that others reach must be meant, whatever Gateway and Allow say', async t => {
  for (const address of ['0.0.0.0:9911', '172.17.0.1:9911', '[::]:9911', '[fe80::1]:9911']) {
    const open = ['Gateway yes', 'Allow *', `Admin ${address}`]
    t.match(
      read(...open)
        .issues.map(formatIssue)
        .join(),
      /say so with AdminExposed yes/,
      address,
    )
    t.not(read(...open, 'AdminExposed yes').config, undefined, address)
  }
})

t.test('AdminExposed where it changes nothing is a warning', async t => {
  for (const lines of [['Admin 9911'], ['Admin unix:/run/a'], []]) {
    const { config, issues } = read(...lines, 'AdminExposed yes')
    t.not(config, undefined)
    t.match(issues.map(formatIssue).join(), /no effect/)
  }
})

t.test('a port of the proxy cannot be that of Admin too', async t => {
  t.match(read('Admin 3128').issues.map(formatIssue).join(), /is a port of the proxy/)
})
