import t from 'tap'
import { assembleConfig, formatIssue, parseDirectives } from '../../../src/config/index.ts'

const issuesOf = (...lines: string[]): string[] =>
  assembleConfig(parseDirectives(lines.join('\n'), 'f').directives).issues.map(formatIssue)

const listenersOf = (...lines: string[]): string[] => {
  const text = ['NoProxy *', ...lines].join('\n')
  const { config } = assembleConfig(parseDirectives(text, 'f').directives)
  return (config?.listeners ?? []).map(({ host, port }) => `${host} ${port}`)
}

const HASH = '0123456789abcdef0123456789abcdef'

t.test('an empty configuration lacks everything, with a hint for each', async t => {
  t.strictSame(issuesOf(''), [
    'error: Listen: there is no address to listen on (for example Listen 3128)',
    'error: Proxy: there is no upstream proxy (for example Proxy 10.0.0.41:8080, or NoProxy * to do without)',
    'error: Username: there is no user name (it names the account that logs on to the upstream proxy)',
    'error: Password: there is no password and no hash of one (Password or PasswordFile has it, or tsntlm hash prints the lines for hashes)',
  ])
})

t.test('an empty user name and password are as good as none', async t => {
  t.strictSame(issuesOf('Listen 1', 'Proxy a:1', 'Username ""', 'Password ""'), [
    'f:3:11: error: Username: there is no user name (it names the account that logs on to the upstream proxy)',
    'f:4:11: error: Password: there is no password and no hash of one (Password or PasswordFile has it, or tsntlm hash prints the lines for hashes)',
  ])
})

t.test('what is wrong is not missing too', async t => {
  const issues = issuesOf('Listen 0', 'Proxy a', 'Username "a\tb"', 'PassNT x')
  t.equal(issues.length, 4)
  for (const [index, issue] of issues.entries()) t.match(issue, `f:${index + 1}:`)
})

t.test('with NoProxy * neither an upstream proxy nor an account is needed', async t => {
  t.strictSame(issuesOf('Listen 3128', 'NoProxy *'), [])
  t.strictSame(issuesOf('Listen 3128', 'NoProxy *', 'Proxy a:1'), [], 'which cntlm wants there')
})

t.test('a file of the password stands for the password', async t => {
  const lines = ['Listen 1', 'Proxy a:1', 'Username u']
  t.strictSame(issuesOf(...lines, 'PasswordFile /etc/tsntlm/password'), [])
  t.strictSame(issuesOf(...lines, 'PasswordFile password'), [
    'f:4:14: error: PasswordFile: an absolute path is needed, got "password"',
  ])
})

t.test('the hashes must suffice for the dialect', async t => {
  const table: [dialect: string, hashes: string[], missing: string | undefined][] = [
    ['NTLMv2', ['PassNTLMv2'], undefined],
    ['NTLMv2', ['PassNT'], undefined],
    ['NTLMv2', ['PassLM'], 'PassNTLMv2 or PassNT'],
    ['NTLM2SR', ['PassNT'], undefined],
    ['NTLM2SR', ['PassNTLMv2'], 'PassNT'],
    ['NT', ['PassLM'], 'PassNT'],
    ['NTLM', ['PassNT', 'PassLM'], undefined],
    ['NTLM', ['PassNT'], 'PassNT and PassLM'],
    ['LM', ['PassLM'], undefined],
    ['LM', ['PassNT'], 'PassLM'],
  ]
  for (const [dialect, hashes, missing] of table) {
    const lines = ['Listen 1', 'Proxy a:1', 'Username u', `Auth ${dialect}`]
    const secrets = hashes.map(name => `${name} ${HASH}`)
    const errors = issuesOf(...lines, ...secrets).filter(issue => issue.includes('error'))
    const wanted = `${hashes[0] ?? ''}: Auth ${dialect} needs ${missing ?? ''}, there is only ${hashes.join(' and ')}`
    t.equal(errors.length, missing === undefined ? 0 : 1, `${dialect} ${hashes.join(' ')}`)
    if (missing !== undefined) t.match(errors[0], wanted)
    t.strictSame(
      issuesOf(...lines, ...secrets, 'Password p').filter(issue => issue.includes('error')),
      [],
    )
  }
})

t.test(
  'a bare port is loopback, or every IPv4 interface with Gateway wherever it stands',
  async t => {
    t.strictSame(listenersOf('Listen 3128'), ['127.0.0.1 3128'])
    t.strictSame(listenersOf('Listen 3128', 'Gateway yes'), ['0.0.0.0 3128'])
    t.strictSame(listenersOf('Gateway yes', 'Listen 127.0.0.1:3128'), ['127.0.0.1 3128'])
    t.strictSame(listenersOf('Gateway true', 'Listen 3128'), ['127.0.0.1 3128'])
  },
)

t.test('an address that is there twice is listened on once', async t => {
  t.strictSame(listenersOf('Listen 3128', 'Listen 127.0.0.1:3128'), ['127.0.0.1 3128'])
  t.strictSame(issuesOf('NoProxy *', 'Listen 3128', 'Listen 127.0.0.1:3128'), [
    'f:3:8: warning: Listen: 127.0.0.1:3128 is there twice',
  ])
})

t.test('an address serves one purpose, and the first line that names it counts', async t => {
  const lines = ['Listen 1080', 'SOCKS5Proxy 127.0.0.1:1080', 'Tunnel 1080:a:22', 'Tunnel 2:a:22']
  t.strictSame(listenersOf(...lines), ['127.0.0.1 1080', '127.0.0.1 2'])
  t.strictSame(issuesOf('NoProxy *', ...lines), [
    'f:3:13: warning: SOCKS5Proxy: 127.0.0.1:1080 is there twice',
    'f:4:8: warning: Tunnel: 127.0.0.1:1080 is there twice',
  ])
})

t.test('SOCKS5 or a tunnel alone is something to listen for', async t => {
  t.strictSame(issuesOf('NoProxy *', 'SOCKS5Proxy 1080'), [])
  t.strictSame(issuesOf('NoProxy *', 'Tunnel 2222:git.example:22'), [])
  t.strictSame(listenersOf('SOCKS5Proxy 1080', 'Tunnel 2222:git.example:22', 'Gateway yes'), [
    '0.0.0.0 1080',
    '0.0.0.0 2222',
  ])
})

t.test('an account of SOCKS5 clients without a SOCKS5 port is a warning', async t => {
  t.strictSame(issuesOf('NoProxy *', 'SOCKS5Proxy 1080', 'SOCKS5User u:hunter2'), [])
  t.strictSame(issuesOf('NoProxy *', 'Listen 3128', 'SOCKS5Users u:hunter2', 'SOCKS5User v:p'), [
    'f:3:13: warning: SOCKS5User: has no effect without SOCKS5Proxy (other ports ask for no account, Allow and Deny keep clients from them)',
  ])
  t.strictSame(issuesOf('NoProxy *', 'Listen 3128', 'SOCKS5User u:p', 'SOCKS5Proxy 0'), [
    'f:4:13: error: SOCKS5Proxy: port must be 1-65535, got "0"',
  ])
})

t.test('a port on all interfaces needs an Allow, or Gateway yes and then a warning', async t => {
  const open = (address: string): string =>
    `${address} is open to every host that can reach this one, with your account, as no Allow says for whom it is`
  const hint =
    'add Allow lines for the clients (Allow docker for containers) and Deny * behind them'
  const refused = (address: string, directive = 'Listen', column = 8): string =>
    `f:2:${column}: error: ${directive}: ${open(address)} (${hint}; if it is meant for everybody, say so with Gateway yes)`
  const meant = (line: number, address = '0.0.0.0:3128'): string =>
    `f:${line}:9: warning: Gateway: OPEN PROXY: ${open(address)} (${hint})`
  const allow =
    'f:3:7: warning: Allow: keeps nobody out, as clients that no rule names are allowed (add Deny * behind the last Allow)'
  const table: [lines: string[], issues: string[]][] = [
    [['Listen *:3128'], [refused('0.0.0.0:3128')]],
    [['Listen [::]:3128'], [refused('[::]:3128')]],
    [['Listen 0.0.0.0:3128', 'Deny 10.0.0.1'], [refused('0.0.0.0:3128')]],
    [['Listen 0.0.0.0:3128', 'Gateway yes'], [meant(3)]],
    [['Listen [::]:3128', 'Gateway yes'], [meant(3, '[::]:3128')]],
    [['Listen 0.0.0.0:3128', 'Allow 10.0.0.1', 'Deny *'], []],
    [['Listen 0.0.0.0:3128', 'Allow docker', 'Deny *'], []],
    [['Listen 3128', 'Gateway yes'], [meant(3)]],
    [['Listen 3128', 'Gateway yes', 'Deny 10.0.0.1'], [meant(3)]],
    [['Listen 3128', 'Gateway yes', 'Allow docker', 'Deny *'], []],
    [['Listen 172.17.0.1:3128', 'Gateway yes'], []],
    [['Listen docker0:3128'], []],
    [['Listen docker:3128'], []],
    [['Listen 3128', 'Allow 10.0.0.1'], [allow]],
    [['SOCKS5Proxy *:1'], [refused('0.0.0.0:1', 'SOCKS5Proxy', 13)]],
    [['SOCKS5Proxy *:1', 'SOCKS5User u:p'], []],
    [['SOCKS5Proxy 1', 'Gateway yes', 'SOCKS5User u:p'], []],
    [['Tunnel *:1:a:2'], [refused('0.0.0.0:1', 'Tunnel')]],
  ]
  for (const [lines, issues] of table) {
    t.strictSame(issuesOf('NoProxy *', ...lines), issues, lines.join(', '))
  }
})

t.test('a proxy that is its own upstream is a warning', async t => {
  const account = ['Username u', 'Password p']
  t.strictSame(issuesOf(...account, 'Listen 3128', 'Proxy 127.0.0.1:3128'), [
    'f:3:8: warning: Listen: 127.0.0.1:3128 is a Proxy too, requests would go round in circles',
  ])
  t.strictSame(issuesOf(...account, 'Tunnel 3128:a:22', 'Proxy 127.0.0.1:3128'), [
    'f:3:8: warning: Tunnel: 127.0.0.1:3128 is a Proxy too, requests would go round in circles',
  ])
})

t.test('to find out the dialect, upstreams and any secret are enough', async t => {
  const issues = (...lines: string[]): string[] =>
    assembleConfig(parseDirectives(lines.join('\n'), 'f').directives, [], {
      purpose: 'logon',
    }).issues.map(formatIssue)
  t.strictSame(issues('Proxy a:1', 'Username u', 'Password p'), [])
  t.strictSame(issues('Proxy a:1', 'Username u', `PassLM ${HASH}`), [], 'the default NTLMv2 or not')
  t.strictSame(issues('NoProxy *'), [
    'error: Proxy: there is no upstream proxy (for example Proxy 10.0.0.41:8080)',
    'error: Username: there is no user name (it names the account that logs on to the upstream proxy)',
    'error: Password: there is no password and no hash of one (-I asks for it)',
  ])
})

t.test(
  'with Pac no upstream proxy is needed, and an account only for those that get a logon',
  async t => {
    const alone =
      'f:2:5: warning: Pac: the proxies that the script names get no logon, as there is neither Proxy nor PacTrust (for example PacTrust *.corp.example:8080)'
    const noUser =
      'error: Username: there is no user name (it names the account that logs on to the upstream proxy)'
    const noPassword =
      'error: Password: there is no password and no hash of one (Password or PasswordFile has it, or tsntlm hash prints the lines for hashes)'
    const all = 'f:2:5: warning: Pac: has no effect, as NoProxy * covers every target before it'
    const table: [lines: string[], issues: string[]][] = [
      [['Pac /p'], [alone]],
      [['Pac /p', 'Proxy a:1', 'Username u', 'Password p'], []],
      [['Pac /p', 'PacTrust *.corp', 'Username u', 'Password p'], []],
      [
        ['Pac /p', 'PacTrust *.corp'],
        [noUser, noPassword],
      ],
      [
        ['Pac /p', 'Proxy a:1'],
        [noUser, noPassword],
      ],
      [['Pac /p', 'NoProxy *'], [all]],
      [['Pac p'], ['f:2:5: error: Pac: an absolute path is needed, got "p"']],
      [
        ['PacTrust a', 'Proxy a:1', 'Username u', 'Password p', 'PacRefresh 1m'],
        [
          'f:2:10: warning: PacTrust: has no effect without Pac',
          'f:6:12: warning: PacRefresh: has no effect without Pac',
        ],
      ],
    ]
    for (const [lines, issues] of table) {
      t.strictSame(issuesOf('Listen 3128', ...lines), issues, lines.join(', '))
    }
  },
)

t.test('workers need at least one of each that they share', async t => {
  const lines = ['Listen 1', 'NoProxy *']
  t.strictSame(issuesOf(...lines, 'Workers 4', 'MaxSessions 3'), [
    'f:3:9: error: Workers: 4 workers cannot share MaxSessions 3 (set Workers to 3 at most, or raise MaxSessions)',
  ])
  t.strictSame(issuesOf(...lines, 'Workers 17'), [
    'f:3:9: error: Workers: 17 workers cannot share MaxHandshakes 16 (set Workers to 16 at most, or raise MaxHandshakes)',
  ])
  t.strictSame(issuesOf(...lines, 'Workers auto', 'MaxHandshakes 1'), [])
})
