import t from 'tap'
import { addressRules, resolveClientNames } from '../../../src/config/client-names.ts'
import {
  assembleConfig,
  type Config,
  formatIssue,
  parseDirectives,
} from '../../../src/config/index.ts'

/** What a resolver of these tests knows. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  'build.corp': ['10.1.2.3', '2001:db8::3'],
  'v6.corp': ['fe80::1%eth0'],
  'empty.corp': [],
}

const rulesOf = (config: Config | undefined) =>
  addressRules(config as Config, address => address === '172.17.0.2')

async function resolve(...lines: string[]) {
  const text = ['NoProxy *', 'Listen 1', ...lines].join('\n')
  const { config } = assembleConfig(parseDirectives(text, 'f').directives)
  const asked: string[] = []
  const resolved = await resolveClientNames(config as Config, async host => {
    asked.push(host)
    const addresses = HOSTS[host]
    if (addresses === undefined) throw new Error('ENOTFOUND')
    return addresses
  })
  return { ...resolved, asked }
}

t.test('a name stands for all addresses of its host', async t => {
  const table: [rule: string, inside: string[], outside: string[]][] = [
    ['Build.Corp', ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::3'], ['10.1.2.4', '2001:db8::4']],
    ['build.corp/24', ['10.1.2.99', '2001:db8::3'], ['10.1.3.1', '2001:db8::4']],
    ['build.corp/0', ['8.8.8.8', '2001:db8::3'], ['2001:db8::4']],
    ['build.corp/64', ['10.1.2.3', '2001:db8::ffff'], ['10.1.2.4', '2001:db8:1::3']],
    ['v6.corp', ['fe80::1'], ['fe80::2', '10.1.2.3']],
    ['localhost', ['127.0.0.1', '::1'], ['127.0.0.2', '10.1.2.3']],
    ['localhost/8', ['127.9.9.9', '::1'], ['128.0.0.1']],
    ['a.localhost.', ['127.0.0.1', '::1'], []],
  ]
  for (const [rule, inside, outside] of table) {
    const { config, issues } = await resolve(`Allow ${rule}`)
    t.strictSame(issues, [])
    const [only] = rulesOf(config)
    t.match(only, { action: 'allow', rule: { text: rule } }, 'named as it was written')
    for (const address of inside) t.ok(only?.rule.matches(address), `${rule} ${address}`)
    for (const address of outside) t.notOk(only?.rule.matches(address), `${rule} ${address}`)
  }
})

t.test('each name is looked up once, and localhost never', async t => {
  const { asked } = await resolve('Allow build.corp', 'Deny BUILD.corp/24', 'Allow localhost')
  t.strictSame(asked, ['build.corp'])
  t.strictSame((await resolve('Allow 10.0.0.1', 'Deny *')).asked, [])
})

t.test('the order of names and addresses stays', async t => {
  const { config } = await resolve('Deny build.corp', 'Allow 10.0.0.0/8', 'Deny *')
  t.strictSame(
    rulesOf(config).map(({ action, rule }) => [action, rule.text]),
    [
      ['deny', 'build.corp'],
      ['allow', '10.0.0.0/8'],
      ['deny', '*'],
    ],
  )
})

t.test('names without an address are all told, each with its place', async t => {
  const { config, issues } = await resolve(
    'Allow gone.corp',
    'Allow build.corp',
    'Deny empty.corp/24',
  )
  t.equal(config, undefined)
  const hint =
    'it was looked up in DNS and the hosts file; write the address or network of the client instead'
  t.strictSame(issues.map(formatIssue), [
    `f:3:7: error: Allow: gone.corp has no address that this host can find (${hint})`,
    `f:5:6: error: Deny: empty.corp has no address that this host can find (${hint})`,
  ])
})

t.test('rules whose names were never looked up are not used', async t => {
  const { config } = assembleConfig(
    parseDirectives('NoProxy *\nListen 1\nDeny build.corp', 'f').directives,
  )
  t.throws(() => rulesOf(config), { code: 'BUG' })
})

t.test(
  'docker stands for the clients in a network of Docker at the time, and is not looked up',
  async t => {
    const { config, issues, asked } = await resolve('Allow Docker', 'Deny *')
    t.strictSame([issues, asked], [[], []])
    const [docker] = rulesOf(config)
    t.match(docker, { action: 'allow', rule: { text: 'docker' } })
    t.ok(docker?.rule.matches('172.17.0.2'))
    t.notOk(docker?.rule.matches('172.17.0.3'))
  },
)
