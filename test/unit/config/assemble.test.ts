import t from 'tap'
import {
  assembleConfig,
  type Config,
  DEFAULTS,
  type Directive,
  DIRECTIVES,
  formatIssue,
  parseDirectives,
} from '../../../src/config/index.ts'
import { newDraft } from '../../../src/config/config.ts'

const BASE = 'Username u\nPassword p\nProxy a:1\nListen 3128\n'

const assemble = (text: string, overrides: readonly Directive[] = []) => {
  const { config, issues } = assembleConfig(parseDirectives(text, 'f').directives, overrides)
  return { config, issues: issues.map(formatIssue) }
}

const fromArgv = (name: string, value: string): Directive => ({
  name,
  value,
  origin: { source: 'argv', line: 0, column: 0 },
})

/** The configuration of lines that stand behind a usable beginning. */
function configOf(lines: string, overrides: readonly Directive[] = []): Config {
  const { config, issues } = assemble(BASE + lines, overrides)
  if (config === undefined) throw new Error(issues.join('\n'))
  return config
}

t.test('the cntlm.conf of the GitLab Runner page works as it is', async t => {
  const { config, issues } = assemble(`
      Username     testuser
      Domain       corp-uk
      Password     password
      Proxy        10.0.0.41:8080
      Proxy        10.0.0.42:8080
      Listen       172.17.0.1:3128 # Change to your docker0 interface IP
  `)
  t.strictSame(issues, [])
  t.match(config, {
    username: 'testuser',
    domain: 'corp-uk',
    dialect: 'NTLMv2',
    upstreams: [
      { host: '10.0.0.41', port: 8080 },
      { host: '10.0.0.42', port: 8080 },
    ],
    listeners: [{ host: '172.17.0.1', port: 3128, origin: { source: 'f', line: 7, column: 20 } }],
  })
  t.equal(config?.password?.reveal(), 'password')
})

t.test('every directive reaches its field', async t => {
  const hex = '0123456789abcdef0123456789ABCDEF'
  const config = configOf(
    [
      `Domain d\nWorkstation w\nPassNT ${hex}\nPassLM ${hex}\nPassNTLMv2 ${hex}\nPassEncoding INVERTED`,
      'Auth ntlm\nFlags 0x06820000\nGateway YES\nAllow 10.0.0.0/8\nDeny *\nNoProxy a, b\nNoProxy c',
      'Header X-A: 1\nHeader X-B: 2\nDirectToLocal yes\nNTLMToBasic yes\nOriginLogon no\nOriginBasic always\nStateDirectory /s\nConnectTimeout 1s',
      'HandshakeTimeout 2s\nResponseTimeout 3s\nSessionIdleTimeout 4s\nTunnelIdleTimeout 5s',
      'BodyTimeout 11\nBodyRate off\nClientIdleTimeout 12\nMaxWaiting 13\nMaxClients 14\nMaxClientsPerAddress 15\nWorkers 3',
      'RateLimitRetry all\nRateLimitWait 9\nRateLimitTotal 10',
      'ShutdownGrace 0\nHeaderTimeout 6\nMaxHandshakes 7\nLogonBudget 3\nLogonCheck http://c.test/x\nMaxSessions 8\nWarm Challenged\nWarmMax 9\nWarmTunnels 10\nLogLevel debug\nLogFormat text\nLogFile /l.log',
      'Admin 10.0.0.1:9911\nAdminExposed yes\nControlSocket /c.sock',
      'Pac /p.pac\nPacRefresh off\nPacTrust *.corp:8080\nPacTrust 10.0.0.0/8, d',
      'SOCKS5Proxy 10.0.0.1:1080\nSOCKS5User s:t\nTunnel [::1]:5:[::2]:22',
    ].join('\n'),
  )
  const { password, passNt, passLm, passNtlmV2, acl, listeners, socksUsers, ...plain } = config
  t.strictSame(plain, {
    username: 'u',
    domain: 'd',
    workstation: 'w',
    passwordFrom: 'f',
    passwordFile: undefined,
    passEncoding: 'inverted',
    dialect: 'NTLM',
    negotiateFlags: 0x8206,
    upstreams: [{ host: 'a', port: 1 }],
    gateway: true,
    noProxy: ['a', 'b', 'c'],
    headers: [
      { name: 'X-A', value: '1' },
      { name: 'X-B', value: '2' },
    ],
    directToLocal: true,
    ntlmToBasic: true,
    originLogon: false,
    originBasic: 'always',
    pac: '/p.pac',
    pacRefreshMs: 0,
    pacTrust: ['*.corp:8080', '10.0.0.0/8', 'd'],
    stateDirectory: '/s',
    connectTimeoutMs: 1000,
    handshakeTimeoutMs: 2000,
    responseTimeoutMs: 3000,
    sessionIdleMs: 4000,
    tunnelIdleMs: 5000,
    shutdownGraceMs: 0,
    headerTimeoutMs: 6000,
    bodyTimeoutMs: 11_000,
    bodyRate: 0,
    clientIdleMs: 12_000,
    rateLimitRetry: 'all',
    rateLimitWaitMs: 9000,
    rateLimitTotalMs: 10000,
    maxHandshakes: 7,
    logonBudget: 3,
    logonCheck: 'http://c.test/x',
    maxSessions: 8,
    maxWaiting: 13,
    maxClients: 14,
    maxClientsPerAddress: 15,
    workers: 3,
    warm: 'challenged',
    warmMax: 9,
    warmTunnels: 10,
    logLevel: 'debug',
    logFormat: 'text',
    logFile: '/l.log',
    controlSocket: '/c.sock',
    admin: { host: '10.0.0.1', port: 9911 },
    adminExposed: true,
  })
  t.equal(password?.reveal(), 'p')
  for (const hash of [passNt, passLm, passNtlmV2]) {
    t.equal(hash?.reveal().toString('hex'), hex.toLowerCase())
  }
  t.strictSame(
    acl.map(({ action, rule }) => [action, rule.text]),
    [
      ['allow', '10.0.0.0/8'],
      ['deny', '*'],
    ],
  )
  t.match(listeners, [
    { host: '0.0.0.0', port: 3128, serves: { kind: 'http' } },
    { host: '10.0.0.1', port: 1080, serves: { kind: 'socks5' } },
    { host: '::1', port: 5, serves: { kind: 'tunnel', target: { host: '::2', port: 22 } } },
  ])
  t.strictSame(
    socksUsers.map(({ user, password }) => [user, password.reveal()]),
    [['s', 't']],
  )
})

t.test('what is not given has its default', async t => {
  const config = configOf('')
  const given = ['username', 'password', 'passwordFrom', 'upstreams', 'listeners']
  for (const [key, value] of Object.entries(DEFAULTS)) {
    if (!given.includes(key)) t.strictSame(Reflect.get(config, key), value, key)
  }
  for (const spec of DIRECTIVES.filter(({ since }) => since === 'tsntlm')) {
    const hasNone = ['StateDirectory', 'PasswordFile', 'ControlSocket', 'LogFile']
    if (hasNone.includes(spec.name) || spec.repeatable) continue
    const origin = { source: 'f', line: 1, column: 1 }
    const draft = newDraft()
    t.match(spec.read(spec.defaultText, draft, origin), { ok: true, warnings: [] }, spec.name)
    t.strictSame(draft, newDraft(), `${spec.name} ${spec.defaultText} changes nothing`)
  }
})

t.test('the configuration and its lists are frozen', async t => {
  const config = configOf(
    'Allow 10.0.0.1\nDeny *\nHeader A: b\nNoProxy x\nSOCKS5Proxy 1\nSOCKS5User u:p',
  )
  t.ok(Object.isFrozen(config))
  const { upstreams, listeners, acl, headers, socksUsers } = config
  for (const part of [upstreams, listeners, acl, headers, socksUsers]) {
    t.ok(Object.isFrozen(part))
    t.ok(Object.isFrozen(part[0]))
  }
  t.ok(Object.isFrozen(config.noProxy))
})

t.test('keywords match in any case and of two values the first one counts', async t => {
  const { config, issues } = assemble(`${BASE}DOMAIN first\ndomain second`)
  t.equal(config?.domain, 'first')
  t.strictSame(issues, [
    'f:6:8: warning: Domain: was ignored, line 5 sets it already (the first one in the file counts)',
  ])
})

t.test('the command line beats the file, and its last value its first', async t => {
  const overrides = [fromArgv('Domain', 'x'), fromArgv('LogLevel', 'bad'), fromArgv('domain', 'y')]
  const { config, issues } = assemble(`${BASE}Domain f\nLogLevel info`, [
    ...overrides,
    fromArgv('LogLevel', 'debug'),
  ])
  t.equal(config?.domain, 'y')
  t.equal(config?.logLevel, 'debug')
  t.strictSame(issues, [])
  t.strictSame(assemble(BASE, overrides).issues, [
    'argv: error: LogLevel: the value must be one of fatal, error, warn, info, debug, trace, got "bad"',
  ])
})

t.test('lists of the command line come first, its rules replace those of the file', async t => {
  const overrides = [
    fromArgv('Proxy', 'argv:1'),
    fromArgv('Listen', '1'),
    fromArgv('Header', 'X: argv'),
    fromArgv('Deny', '*'),
  ]
  const { config, issues } = assemble(`${BASE}Header x: file\nAllow 10.0.0.1`, overrides)
  t.match(config?.upstreams, [{ host: 'argv' }, { host: 'a' }])
  t.match(config?.listeners, [{ port: 1 }, { port: 3128 }])
  t.strictSame(config?.headers, [{ name: 'X', value: 'argv' }])
  t.strictSame(
    config?.acl.map(({ rule }) => rule.text),
    ['*'],
  )
  t.strictSame(issues, [
    'f:5:8: warning: Header: x was set before, the first one counts',
    'f:6:7: warning: Allow: was ignored, the rules of the command line replace those of the file',
  ])
})

t.test('the environment stands between the command line and the file', async t => {
  const fromEnv = (name: string, value: string): Directive => ({
    name,
    value,
    origin: { source: `env:TSNTLM_${name.toUpperCase()}`, line: 0, column: 0 },
  })
  const { directives } = parseDirectives(
    `${BASE}Domain f\nWorkstation f\nLogLevel info\nAllow 10.0.0.1\nDeny *`,
    'f',
  )
  const environment = [
    fromEnv('Domain', 'e'),
    fromEnv('Workstation', 'e'),
    fromEnv('Proxy', 'env:1'),
    fromEnv('Allow', '10.0.0.2'),
  ]
  const overrides = [fromArgv('Domain', 'argv'), fromArgv('Proxy', 'argv:1')]
  const { config, issues } = assembleConfig(directives, overrides, { environment })
  t.match(config, { domain: 'argv', workstation: 'e', logLevel: 'info' })
  t.match(config?.upstreams, [{ host: 'argv' }, { host: 'env' }, { host: 'a' }])
  const allowed = config?.acl.map(({ action, rule }) => `${action} ${rule.text}`)
  t.strictSame(allowed, ['allow 10.0.0.2'])
  const replaced = 'was ignored, the rules of the environment replace those of the file'
  t.strictSame(issues.map(formatIssue), [
    'env:TSNTLM_ALLOW: warning: Allow: keeps nobody out, as clients that no rule names are allowed (add Deny * behind the last Allow)',
    `f:8:7: warning: Allow: ${replaced}`,
    `f:9:6: warning: Deny: ${replaced}`,
  ])
  const both = assembleConfig([], [...overrides, fromArgv('Deny', '*')], { environment })
  t.match(both.issues.map(formatIssue), [
    'env:TSNTLM_ALLOW: warning: Allow: was ignored, the rules of the command line replace those of the environment',
  ])
})

t.test('an unknown directive is a warning with the nearest name', async t => {
  t.strictSame(assemble(`${BASE}Pasword hunter2\nFrobnicate 1\nPasswordhunter2 x`).issues, [
    'f:5:9: warning: Pasword: is no known directive and was ignored (did you mean Password?)',
    'f:6:12: warning: Frobnicate: is no known directive and was ignored',
    'f:7:17: warning: Password...: is no known directive and was ignored',
  ])
})

t.test('a directive of cntlm without effect is one warning each', async t => {
  const lines = 'SSPI NTLM\nSSPI NTLM\nISAScannerSize 4'
  t.strictSame(assemble(BASE + lines).issues, [
    'f:5:6: warning: SSPI: does nothing any more and was ignored (The account of the Windows logon cannot be used, Username and Password are)',
    'f:7:16: warning: ISAScannerSize: does nothing any more and was ignored (The progress pages of ISA scanners are handed on to the client as they are)',
  ])
})

t.test('accounts of SOCKS5 clients may be written in both ways, and are there once', async t => {
  const lines = 'SOCKS5Proxy 1080\nSOCKS5User u:a:b\nSocks5Users v:c\nSOCKS5User U:hunter2'
  const { config, issues } = assemble(BASE + lines)
  t.strictSame(
    config?.socksUsers.map(({ user, password }) => [user, password.reveal()]),
    [
      ['u', 'a:b'],
      ['v', 'c'],
    ],
  )
  t.strictSame(issues, [
    'f:8:12: warning: SOCKS5User: the user was there before, the first password counts',
  ])
})

t.test('a hash that is none is only a warning beside a password', async t => {
  for (const line of ['PassNT x', 'PassLM x', 'PassNTLMv2 x']) {
    const { config, issues } = assemble(`${BASE}${line}`)
    t.equal(config?.password?.reveal(), 'p')
    t.match(issues, [/^f:5:[0-9]+: warning: Pass.*got 1 characters \(it was ignored, as the/])
  }
  t.equal(assemble('Username u\nProxy a:1\nListen 3128\nPassNT x').config, undefined)
})

t.test('all errors come at once, in the order of the file, and none shows a secret', async t => {
  const { config, issues } = assemble(
    [
      'Auth NTLMv3',
      'PassNT hunter2',
      'Proxy u:hunter2@a:1',
      'Proxy a:99999',
      'Listen 127.0.0.1',
      'Allow 10.0.0.0/99',
      'Header hunter2',
      'Username u',
      'SOCKS5Users hunter2',
      'Tunnel a:b',
    ].join('\n'),
  )
  t.equal(config, undefined)
  t.strictSame(issues, [
    'f:1:6: error: Auth: the value must be one of NTLMv2, NTLM2SR, NTLM, NT, LM, got "NTLMv3" (NTLMv2 is what current proxies want)',
    'f:2:8: error: PassNT: 32 hexadecimal digits are needed, got 7 characters (tsntlm hash prints the line as it must be)',
    'f:3:7: error: Proxy: user information does not belong in the address (the account goes in Username and Password)',
    'f:4:7: error: Proxy: port must be 1-65535, got "99999"',
    'f:5:8: error: Listen: the port is missing (for example 127.0.0.1:3128)',
    'f:6:7: error: Allow: the length of a network is a number from 0 to 32, got "99" (a netmask of 255.255.255.0 is written /24)',
    'f:7:8: warning: Header: there is no colon, it was ignored (the form is Header Name: value)',
    'f:9:13: error: SOCKS5User: it does not name a user and a password (the form is user:password)',
    'f:10:8: error: Tunnel: it does not name a port and a target (the form is port:host:port or address:port:host:port, with IPv6 addresses in brackets)',
  ])
})

t.test('an upstream proxy that is there twice is used once', async t => {
  const { config, issues } = assemble(`${BASE}Proxy A:1`)
  t.strictSame(config?.upstreams, [{ host: 'a', port: 1 }])
  t.strictSame(issues, ['f:5:7: warning: Proxy: a:1 is there twice'])
})

t.test('names and aliases in the table are there once', async t => {
  const names = DIRECTIVES.flatMap(({ name, aliases }) => [name, ...aliases])
  t.equal(new Set(names.map(name => name.toLowerCase())).size, names.length)
  for (const { name, doc, grammar } of DIRECTIVES) {
    t.match(name, /^[A-Za-z0-9]+$/)
    t.match(doc, /^[A-Z].*[^.]$/, name)
    t.not(grammar, '', name)
  }
})
