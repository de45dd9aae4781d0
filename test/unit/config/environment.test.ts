import t from 'tap'
import { assembleConfig, formatIssue, parseEnvironment } from '../../../src/config/index.ts'

type Variables = Readonly<Record<string, string>>

const settings = (variables: Variables): string[] =>
  parseEnvironment(variables).directives.map(({ name, value }) => `${name}=${value}`)

const issuesOf = (variables: Variables): string[] =>
  parseEnvironment(variables).issues.map(formatIssue)

t.test('a variable is the directive of its name, wherever underscores stand in it', async t => {
  const table: [variable: string, directive: string][] = [
    ['TSNTLM_USERNAME', 'Username'],
    ['TSNTLM_NOPROXY', 'NoProxy'],
    ['TSNTLM_NO_PROXY', 'NoProxy'],
    ['TSNTLM_PASSWORD_FILE', 'PasswordFile'],
    ['TSNTLM_PASSWORDFILE', 'PasswordFile'],
    ['TSNTLM_PASS_NT_LM_V2', 'PassNTLMv2'],
    ['TSNTLM_SOCKS5_USERS', 'SOCKS5User'],
    ['TSNTLM_session_idle_timeout', 'SessionIdleTimeout'],
  ]
  for (const [variable, directive] of table) {
    const { directives } = parseEnvironment({ [variable]: 'x' })
    const origin = { source: `env:${variable}`, line: 0, column: 0 }
    t.strictSame(directives, [{ name: directive, value: 'x', origin }])
  }
})

t.test('values of lists are told apart where they cannot hold what is between them', async t => {
  const table: [variables: Variables, directives: string[]][] = [
    [{ TSNTLM_PROXY: ' a:1, b:2;c:3\nd:4\r\n e:5 ' }, ['a:1', 'b:2', 'c:3', 'd:4', 'e:5']],
    [{ TSNTLM_TUNNEL: '1:a:2,3:[::1]:4' }, ['1:a:2', '3:[::1]:4']],
    [{ TSNTLM_HEADER: 'X: a, b; c\r\n\nY: d\n' }, ['X: a, b; c', 'Y: d']],
    [{ TSNTLM_NO_PROXY: 'a, b\nc' }, ['a, b', 'c']],
    [{ TSNTLM_SOCKS5_USER: 'u:a,b c\nv:d;e ' }, ['u:a,b c', 'v:d;e ']],
  ]
  for (const [variables, values] of table) {
    t.strictSame(
      parseEnvironment(variables).directives.map(({ value }) => value),
      values,
    )
  }
})

t.test(
  'a single value is one, without the white space around it unless it is a secret',
  async t => {
    const table: [variables: Variables, directives: string[]][] = [
      [{ TSNTLM_DOMAIN: ' CORP \n' }, ['Domain=CORP']],
      [{ TSNTLM_PASSWORD: ' a#b,c"; ' }, ['Password= a#b,c"; ']],
      [{ TSNTLM_PASSWORD: 'a\r\n' }, ['Password=a']],
      [{ TSNTLM_PASSWORD: '' }, []],
      [{ TSNTLM_DOMAIN: ' ' }, []],
      [{ TSNTLM_PROXY: ' , ' }, []],
    ]
    for (const [variables, expected] of table) t.strictSame(settings(variables), expected)
  },
)

t.test(
  'an unknown name is a warning with the nearest one, other programs are left alone',
  async t => {
    t.strictSame(
      issuesOf({ TSNTLM_NO_PROXI: 'x', TSNTLM_FROBNICATE: 'x', TSNTLM_: 'x', HTTP_PROXY: 'x' }),
      [
        'env:TSNTLM_FROBNICATE: warning: no directive has this name, it was ignored',
        'env:TSNTLM_NO_PROXI: warning: no directive has this name, it was ignored (did you mean TSNTLM_NOPROXY?)',
      ],
    )
  },
)

t.test('what Kubernetes says about a service of this name is no setting', async t => {
  const variables = {
    TSNTLM_SERVICE_HOST: '10.0.0.1',
    TSNTLM_SERVICE_PORT: '3128',
    TSNTLM_SERVICE_PORT_HTTP_PROXY: '3128',
    TSNTLM_PORT: 'tcp://10.0.0.1:3128',
    TSNTLM_PORT_3128_TCP: 'tcp://10.0.0.1:3128',
    TSNTLM_PORT_3128_TCP_PROTO: 'tcp',
    TSNTLM_PORT_3128_TCP_PORT: '3128',
    TSNTLM_PORT_3128_TCP_ADDR: '10.0.0.1',
  }
  t.strictSame(parseEnvironment(variables), { directives: [], issues: [], secretVariables: [] })
})

t.test('of two spellings the first counts, and of a list both', async t => {
  const variables = { TSNTLM_LOGLEVEL: 'info', TSNTLM_LOG_LEVEL: 'debug' }
  t.strictSame(settings(variables), ['LogLevel=info'])
  t.strictSame(issuesOf(variables), [
    'env:TSNTLM_LOG_LEVEL: warning: LogLevel: was ignored, TSNTLM_LOGLEVEL sets it already',
  ])
  t.strictSame(settings({ TSNTLM_NO_PROXY: 'a', TSNTLM_NOPROXY: 'b' }), ['NoProxy=b', 'NoProxy=a'])
})

t.test('a secret is warned of without being shown, and told to the caller', async t => {
  const file = 'TSNTLM_PASSWORD_FILE with the path of a file is safer'
  const readable = 'other processes of this user can read it, and so can docker inspect'
  const variables = {
    TSNTLM_PASSNT: '"hunter2"',
    TSNTLM_PASSWORD: 'hunter2',
    TSNTLM_SOCKS5USER: 'u:hunter2',
    TSNTLM_PASSWORD_FILE: '/x',
  }
  t.strictSame(issuesOf(variables), [
    'env:TSNTLM_PASSNT: warning: PassNT: the quotes around the value are part of it (only a shell takes them away, an env-file of docker does not)',
    `env:TSNTLM_PASSNT: warning: PassNT: ${readable} (${file})`,
    `env:TSNTLM_PASSWORD: warning: Password: ${readable} (${file})`,
    `env:TSNTLM_SOCKS5USER: warning: SOCKS5User: ${readable} (a configuration file with mode 600 is safer)`,
  ])
  t.strictSame(parseEnvironment(variables).secretVariables, [
    'TSNTLM_PASSNT',
    'TSNTLM_PASSWORD',
    'TSNTLM_SOCKS5USER',
  ])
})

t.test('a hash in the environment must say how it is written', async t => {
  const variables = {
    TSNTLM_PROXY: 'a:1',
    TSNTLM_LISTEN: '1',
    TSNTLM_USERNAME: 'u',
    TSNTLM_PASSNTLMV2: '0'.repeat(32),
  }
  const errors = (more: Variables): string[] => {
    const environment = parseEnvironment({ ...variables, ...more }).directives
    return assembleConfig([], [], { environment }).issues.map(formatIssue)
  }
  t.strictSame(errors({}), [
    'env:TSNTLM_PASSNTLMV2: error: PassEncoding: how a hash in the environment is written must be said ' +
      '(TSNTLM_PASSENCODING is plain for hashes of tsntlm hash and cntlm 0.94, inverted for those of cntlm 0.92)',
  ])
  for (const more of [{ TSNTLM_PASSENCODING: 'plain' }, { TSNTLM_PASSWORD: 'p' }])
    t.strictSame(errors(more), [])
})
