import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProduct } from '../harness/product.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

/** Whether text looks like what node prints of an error that nobody caught. */
const STACK_TRACE = /^ +at |node:internal|Node\.js v/m

interface Output {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function tsntlm(args: readonly string[], input = ''): Promise<Output> {
  const { code, stdout, stderr } = await runProduct(args, { input, timeoutMs: 30_000 })
  return { code, out: stdout.toString(), err: stderr }
}

/** Runs the cases side by side: each starts a process. */
async function forEach<Case>(
  cases: readonly Case[],
  run: (item: Case) => Promise<unknown>,
): Promise<void> {
  await Promise.all(cases.map(run))
}

/** Writes a configuration that nobody else can read. */
function writeConfig(test: Test, lines: readonly string[], mode = 0o600): string {
  const file = join(makeTempDir(test), 'cntlm.conf')
  writeFileSync(file, [...lines, ''].join('\n'), { mode })
  return file
}

const SOUND = [
  'Username testuser',
  'Domain corp-uk',
  'Password pa55-w0rd',
  'Proxy 10.0.0.41:8080',
  'Listen 127.0.0.1:3128',
]

t.test('--help names the commands and options, --version the version', async t => {
  for (const flag of ['--help', '-h']) {
    const { code, out, err } = await tsntlm([flag])
    t.equal(code, 0)
    t.equal(err, '')
    for (const word of [
      'check',
      'explain',
      'hash',
      'setup',
      'env',
      'demo',
      '--config',
      '--log-level',
      '/etc/cntlm.conf',
    ]) {
      t.ok(out.includes(word), `${flag} tells about ${word}`)
    }
  }
  const check = await tsntlm(['check', '--help'])
  t.match(check, { code: 0, out: /--strict[^]*--show/, err: '' })
  const file = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  t.strictSame(await tsntlm(['--version']), { code: 0, out: `${version}\n`, err: '' })
})

t.test('a wrong command line gets one message, and nothing is run', async t => {
  const cases: [args: string[], message: RegExp][] = [
    [['--bogus'], /^tsntlm: unknown option --bogus\n/],
    [['-Z'], /^tsntlm: unknown option -Z\n/],
    [['-vfZh'], /^tsntlm: unknown option -Z\n/],
    [['-vl'], /^tsntlm: option -l needs a value: \[ADDRESS:\]PORT\n/],
    [['--verbose=3'], /^tsntlm: option --verbose takes no value\n/],
    [
      ['bogus'],
      /^tsntlm: bogus is no command, and as an upstream proxy it lacks a port: bogus:PORT\n/,
    ],
    [['check', '--bogus'], /^tsntlm: Unknown argument: bogus\n/],
    [['check', 'extra'], /^tsntlm: Unknown argument: extra\n/],
    [['--no-config'], /^tsntlm: unknown option --no-config\n/],
    [['--config'], /^tsntlm: option --config needs a value: FILE\n/],
    [['check', '--config'], /^tsntlm: Not enough arguments following: config\n/],
    [['demo', '--port', '65536'], /^tsntlm: --port must be between 0 and 65535\n/],
    [['demo', '--port', 'abc'], /^tsntlm: --port must be between 0 and 65535\n/],
  ]
  await forEach(cases, async ([args, message]) => {
    const { code, out, err } = await tsntlm(args)
    t.equal(code, 1, args.join(' '))
    t.match(err, message)
    t.match(err, /\nTry: tsntlm --help\n$/)
    t.ok(err.split('\n').length <= 4, err)
    t.notMatch(err, STACK_TRACE)
    t.equal(out, '')
  })
})

t.test('a file that cannot be read is one line', async t => {
  const directory = makeTempDir(t)
  const missing = join(directory, 'missing.conf')
  const cases: [file: string, reason: string][] = [
    [missing, 'the file does not exist'],
    [directory, 'it is a directory'],
  ]
  for (const [file, reason] of cases) {
    const err = `${file}: error: the configuration cannot be read: ${reason}\n`
    t.strictSame(await tsntlm(['--config', file]), { code: 1, out: '', err })
    const out = `${file} cannot be used: 1 error, 0 warnings\n`
    t.strictSame(await tsntlm(['check', '-c', file]), { code: 1, out, err })
  }
  t.match(await tsntlm(['check', '-c', '']), {
    code: 1,
    out: 'the configuration cannot be used: 1 error, 0 warnings\n',
    err: '"": error: the configuration cannot be read: the file does not exist\n',
  })
  t.match(await tsntlm(['check', '-c', 'first.conf', '-c', missing]), { code: 1, err: missing })
})

const inEtc = ['/etc/tsntlm.conf', '/etc/cntlm.conf'].find(file => existsSync(file))

t.test(
  'without a file it says where it looked',
  { skip: inEtc === undefined ? false : `there is ${inEtc}` },
  async t => {
    const err =
      'error: there is neither /etc/tsntlm.conf nor /etc/cntlm.conf ' +
      '(name a file with --config FILE, or try the program with: tsntlm demo)\n'
    t.strictSame(await tsntlm([]), { code: 1, out: '', err })
    t.match(await tsntlm(['check']), { code: 1, err })
    t.match(await tsntlm(['hash'], 'x\n'), { code: 1, out: '', err: /^tsntlm hash: give --user / })
  },
)

t.test('all problems of a file are told at once, each with its place', async t => {
  const file = writeConfig(t, [
    'Username alice',
    'Password s3cr3t-w0rd',
    'Proxy nohost',
    'Listen 99999',
    'Foo 1',
    '  Auth   What',
    'PassNT 0123secret',
  ])
  for (const args of [
    ['check', '--config', file],
    ['--config', file],
  ]) {
    const { code, out, err } = await tsntlm(args)
    t.equal(code, 1)
    const lines = err.trimEnd().split('\n')
    const expected: [place: string, rest: RegExp][] = [
      ['3:7', /^error: Proxy: the port is missing/],
      ['4:8', /^error: Listen: .*"99999"/],
      ['5:5', /^warning: Foo: /],
      ['6:10', /^error: Auth: .*"What"/],
      ['7:8', /^warning: PassNT: .*ignored, as the password beats it/],
    ]
    t.equal(lines.length, expected.length, err)
    for (const [index, [place, rest]] of expected.entries()) {
      const [begin, line = ''] = [`${file}:${place}: `, lines[index]]
      t.ok(line.startsWith(begin), `${line} begins with ${begin}`)
      t.match(line.slice(begin.length), rest)
    }
    t.notMatch(out + err, /s3cr3t|0123secret/)
    t.equal(out, args[0] === 'check' ? `${file} cannot be used: 3 errors, 2 warnings\n` : '')
  }
})

t.test('a warning fails the check only with --strict', async t => {
  const file = writeConfig(t, [...SOUND, 'Foo 1'])
  const out = `${file} can be used: 0 errors, 1 warning\n`
  for (const [args, code] of [
    [[], 0],
    [['--strict'], 1],
  ] as const) {
    t.match(await tsntlm(['check', '-c', file, ...args]), { code, out, err: / warning: Foo: / })
  }
  const sound = writeConfig(t, SOUND)
  t.match(await tsntlm(['check', '-c', sound, '--strict']), { code: 0, err: '' })
})

t.test('a file that others can read is warned of', async t => {
  const file = writeConfig(t, SOUND, 0o644)
  const { code, err } = await tsntlm(['check', '-c', file])
  t.equal(code, 0)
  t.match(err, /^[^\n]* warning: other users can read the file[^\n]*chmod 600[^\n]*\n$/)
})

t.test('--show prints the effective configuration and no secret', async t => {
  const hashes = { PassNT: 'a1'.repeat(16), PassLM: 'b2'.repeat(16), PassNTLMv2: 'c3'.repeat(16) }
  const lines = Object.entries(hashes).map(([name, hash]) => `${name} ${hash}`)
  const file = writeConfig(t, [...SOUND, ...lines, 'Header Authorization: Basic c2VjcmV0'])
  const { code, out, err } = await tsntlm(['check', '-c', file, '--show'])
  t.equal(code, 0, err)
  t.match(out, /^Username +testuser\nDomain +corp-uk\nPassword +\[secret\] from /)
  t.ok(out.includes(`[secret] from ${file}\n`))
  for (const name of Object.keys(hashes)) t.match(out, new RegExp(`^${name} +\\[secret\\]$`, 'm'))
  t.match(out, /^Proxy +10\.0\.0\.41:8080$/m)
  t.match(out, / can be used: 0 errors, /)
  for (const secret of ['pa55', 'c2VjcmV0', ...Object.values(hashes)]) {
    t.notOk((out + err).toLowerCase().includes(secret.toLowerCase()), secret)
  }
})

t.test(
  "the configuration of GitLab's page about runners behind a proxy is good as it is",
  async t => {
    const file = writeConfig(t, [
      'Username     testuser',
      'Domain       corp-uk',
      'Password     password',
      'Proxy        10.0.0.41:8080',
      'Proxy        10.0.0.42:8080',
      'Listen       172.17.0.1:3128 # Change to your docker0 interface IP',
    ])
    const { code, out, err } = await tsntlm(['check', '-c', file, '--strict', '--show'])
    t.equal(code, 0)
    t.equal(err, '')
    t.match(out, /^Proxy +10\.0\.0\.41:8080\nProxy +10\.0\.0\.42:8080$/m)
    t.match(out, /^Listen +172\.17\.0\.1:3128$/m)
  },
)

const HASHES = [
  'PassEncoding    plain',
  'PassLM          E52CAC67419A9A224A3B108F3FA6CB6D',
  'PassNT          8846F7EAEE8FB117AD06BDD830B7586C',
  "PassNTLMv2      E097C611EA19C676CD79309A3A2F59A3    # Only for user 'testuser', domain 'corp-uk'",
]

t.test('hash prints the lines of cntlm 0.94 for a password from standard input', async t => {
  const names = ['Username testuser', 'Domain corp-uk']
  const file = writeConfig(t, names)
  const cases: [args: string[], input: string][] = [
    [['-u', 'testuser', '-d', 'corp-uk'], 'password\n'],
    [['--user', 'corp-uk\\testuser'], 'password'],
    [['-c', file], 'password\r\nsecond line\n'],
    [['-c', writeConfig(t, ['domain corp-uk', 'USERNAME testuser'])], 'password\n'],
    [['-c', writeConfig(t, ['Username testuser', 'Domain other']), '-d', 'corp-uk'], 'password\n'],
  ]
  await forEach(cases, async ([args, input]) => {
    const expected = { code: 0, out: `${HASHES.join('\n')}\n`, err: '' }
    t.strictSame(await tsntlm(['hash', ...args], input), expected, args.join(' '))
  })
  const long = await tsntlm(['hash', '-u', 'a'], 'longer than fourteen\n')
  t.match(long, { code: 0, out: /PassNT / })
  t.notMatch(long.out, /PassLM/, 'there is no LM hash of it')
})

t.test('what hash printed works in a configuration', async t => {
  const rest = SOUND.filter(line => !line.startsWith('Password'))
  const file = writeConfig(t, [...rest, ...HASHES])
  const out = `${file} can be used: 0 errors, 0 warnings\n`
  t.strictSame(await tsntlm(['check', '-c', file]), { code: 0, out, err: '' })
})

t.test('hash without a name or a password says so', async t => {
  const file = writeConfig(t, SOUND)
  const cases: [args: string[], input: string, err: RegExp][] = [
    [['-u', 'alice'], '', /^tsntlm hash: no password was given\n$/],
    [['-c', file], '', /^tsntlm hash: no password was given\n$/],
    [['-u', 'CORP\\'], 'x\n', /^tsntlm hash: .*names no user/],
    [['-c', writeConfig(t, ['Domain CORP'])], 'x\n', /^tsntlm hash: give --user and --domain, or /],
    [
      ['-c', join(makeTempDir(t), 'missing')],
      'x\n',
      /^tsntlm hash: .*missing: error: .* cannot be read: the file does not exist\n$/,
    ],
  ]
  await forEach(cases, async ([args, input, message]) => {
    const { code, out, err } = await tsntlm(['hash', ...args], input)
    t.equal(code, 1, args.join(' '))
    t.equal(out, '')
    t.match(err, message)
    t.notMatch(err, STACK_TRACE)
  })
})
