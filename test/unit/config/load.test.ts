import { chmodSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  type Directive,
  findConfigFile,
  formatIssue,
  loadConfig,
  parseEnvironment,
} from '../../../src/config/index.ts'

const TEXT = 'Username u\nPassword p\u00e4\nProxy a:1\nListen 3128\n'

interface Sources {
  readonly file?: string
  readonly variables?: Readonly<Record<string, string>>
  readonly usualPasswordFiles?: readonly string[]
}

const load = ({ file, variables = {}, usualPasswordFiles = [] }: Sources, argv: Directive[] = []) =>
  loadConfig(
    {
      file,
      environment: parseEnvironment(variables),
      usualPasswordFiles,
      closedFolders: [],
      startedAtMs: 0,
    },
    argv,
  )

const loadConfigFile = (file: string, argv: Directive[] = []) => load({ file }, argv)

const fromArgv = (name: string, value: string): Directive => ({
  name,
  value,
  origin: { source: 'argv', line: 0, column: 0 },
})

t.test('a file becomes a configuration with the time of its last change', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, TEXT, { mode: 0o600 })
  utimesSync(path, 1, 1)
  const { config, issues, files } = loadConfigFile(path)
  t.strictSame(issues, [])
  t.equal(config?.password?.reveal(), 'p\u00e4')
  t.equal(config?.listeners[0]?.origin.source, path)
  const { ctimeMs, ino, size } = statSync(path)
  t.strictSame(
    files,
    [{ path, changedAtMs: ctimeMs, stamp: `${ino}:${size}` }],
    'chmod and mv count too',
  )
})

t.test('the modification time counts when it is the later one', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, TEXT, { mode: 0o600 })
  utimesSync(path, 4_000_000_000, 4_000_000_000)
  t.equal(loadConfigFile(path).files[0]?.changedAtMs, 4_000_000_000_000)
})

t.test('what is no regular file can be read, and its time says nothing', async t => {
  const { issues, files } = load({
    file: '/dev/null',
    variables: { TSNTLM_LISTEN: '1', TSNTLM_NOPROXY: '*' },
  })
  t.strictSame(issues, [])
  t.strictSame(files, [{ path: '/dev/null', changedAtMs: 0, stamp: '' }])
})

t.test('a Latin-1 file keeps its password', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, Buffer.from(TEXT, 'latin1'), { mode: 0o600 })
  t.equal(loadConfigFile(path).config?.password?.reveal(), 'p\u00e4')
})

t.test('the issues of lines and of values are in one order', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, `=\n${TEXT}Domain\nFoo 1\n-`, { mode: 0o600 })
  const { config, issues } = loadConfigFile(path)
  t.strictSame(
    issues.map(({ origin }) => origin?.line),
    [1, 6, 7, 8],
  )
  t.not(config, undefined, 'warnings do not stop it')
})

t.test('overrides of the command line apply', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, TEXT, { mode: 0o600 })
  const { config } = loadConfigFile(path, [fromArgv('Username', 'other')])
  t.equal(config?.username, 'other')
})

t.test('a secret that others can read is a warning', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  const warning = `${path}: warning: other users can read the file, and it holds the secret of the account (chmod 600 ${path})`
  const withoutSecret = 'NoProxy *\nListen 3128\n'
  const table: [text: string, mode: number, issues: string[]][] = [
    [TEXT, 0o600, []],
    [TEXT, 0o640, [warning]],
    [TEXT, 0o604, [warning]],
    [TEXT.replace('Password p\u00e4', `passnt ${'0'.repeat(32)}`), 0o644, [warning]],
    [withoutSecret, 0o644, []],
  ]
  for (const [text, mode, issues] of table) {
    writeFileSync(path, text)
    chmodSync(path, mode)
    t.strictSame(loadConfigFile(path).issues.map(formatIssue), issues, mode.toString(8))
  }
})

t.test('a file that cannot be read is an error and not an exception', async t => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'sub'))
  const table: [name: string, reason: string][] = [
    ['absent', 'the file does not exist'],
    ['sub', 'it is a directory'],
    ['a\0b', 'ERR_INVALID_ARG_VALUE'],
  ]
  for (const [name, reason] of table) {
    const path = join(folder, name)
    const { config, issues, files } = loadConfigFile(path)
    t.equal(config, undefined)
    t.strictSame(issues.map(formatIssue), [
      `${path}: error: the configuration cannot be read: ${reason}`,
    ])
    t.strictSame(files, [])
  }
})

/** Every place that can have the secret, the strongest first. */
const SOURCES = [
  'argv',
  'TSNTLM_PASSWORD',
  'TSNTLM_PASSWORD_FILE',
  'TSNTLM_PASSNT',
  'Password',
  'PasswordFile',
  'PassNT',
  'credential',
  'docker secret',
]

t.test('of all places of the secret the strongest counts', async t => {
  const folder = t.testdir({ environment: 'env file\n', file: 'file\n', one: 'one', two: 'two' })
  const hash = (digit: string): string => digit.repeat(32)
  const inEnvironment: Record<string, string> = {
    TSNTLM_PASSWORD: 'env',
    TSNTLM_PASSWORD_FILE: join(folder, 'environment'),
    TSNTLM_PASSNT: hash('a'),
  }
  const inFile: Record<string, string> = {
    Password: 'config',
    PasswordFile: join(folder, 'file'),
    PassNT: hash('b'),
  }
  const found: Record<string, string> = { credential: 'one', 'docker secret': 'two' }
  const expected = ['argv', 'env', 'env file', hash('a'), 'config', 'file', hash('b'), 'one', 'two']
  for (const [first, wanted] of expected.entries()) {
    const present = SOURCES.slice(first)
    const pick = (from: Record<string, string>): [string, string][] =>
      Object.entries(from).filter(([name]) => present.includes(name))
    const lines = ['Username u', 'Proxy a:1', 'Listen 1', 'PassEncoding plain']
    const file = join(folder, 'tsntlm.conf')
    const secrets = pick(inFile).map(([name, value]) => `${name} ${value}`)
    writeFileSync(file, [...lines, ...secrets].join('\n'), { mode: 0o600 })
    const { config } = load(
      {
        file,
        variables: Object.fromEntries(pick(inEnvironment)),
        usualPasswordFiles: ['absent', ...pick(found).map(([, name]) => join(folder, name))],
      },
      present.includes('argv') ? [fromArgv('Password', 'argv')] : [],
    )
    const got = config?.password?.reveal() ?? config?.passNt?.reveal().toString('hex')
    t.equal(got, wanted, present.join(', '))
  }
})

t.test(
  'a place that is named and cannot be read is an error, whatever there is behind it',
  async t => {
    const path = join(t.testdir({ secret: 'found' }), 'tsntlm.conf')
    const gone = `${path}.gone`
    const rest = 'Username u\nProxy a:1\nListen 99999\n'
    const problem = `PasswordFile: ${gone}: the password cannot be read: the file does not exist`
    const port = 'Listen: port must be 1-65535, got "99999"'
    const usualPasswordFiles = [join(path, '../secret')]
    writeFileSync(path, `${rest}PasswordFile ${gone}\nPassNT ${'0'.repeat(32)}\n`, { mode: 0o600 })
    const inFile = load({ file: path, usualPasswordFiles })
    t.equal(inFile.config, undefined)
    t.strictSame(inFile.issues.map(formatIssue), [
      `${path}:3:8: error: ${port}`,
      `${path}:4:14: error: ${problem}`,
    ])
    writeFileSync(path, `${rest}Password p\n`, { mode: 0o600 })
    const variables = { TSNTLM_PASSWORD_FILE: gone, TSNTLM_PROXI: 'x' }
    t.strictSame(load({ file: path, variables, usualPasswordFiles }).issues.map(formatIssue), [
      'env:TSNTLM_PROXI: warning: no directive has this name, it was ignored (did you mean TSNTLM_PROXY?)',
      `env:TSNTLM_PASSWORD_FILE: error: ${problem}`,
      `${path}:3:8: error: ${port}`,
    ])
    const dangling = join(path, '../dangling')
    symlinkSync(gone, dangling)
    const minimal = 'Username u\nProxy a:1\nListen 1\n'
    writeFileSync(path, minimal, { mode: 0o600 })
    t.match(load({ file: path, usualPasswordFiles: [dangling] }).issues.map(formatIssue), [
      `${dangling}: error: PasswordFile: ${dangling}: the password cannot be read: the file does not exist`,
    ])
  },
)

t.test('the file of the password is among those that were read', async t => {
  const folder = t.testdir({ secret: 'p' })
  const file = join(folder, 'tsntlm.conf')
  const secret = join(folder, 'secret')
  chmodSync(secret, 0o600)
  writeFileSync(file, `Username u\nProxy a:1\nListen 1\nPasswordFile ${secret}`)
  const { config, issues, files } = loadConfigFile(file)
  t.strictSame(issues, [], 'a file that names a password file holds no secret itself')
  t.match(config, { passwordFrom: secret, passwordFile: secret })
  t.ok(Object.isFrozen(config))
  t.strictSame(
    files.map(each => each.path),
    [file, secret],
  )
  t.equal(files[1]?.changedAtMs, statSync(secret).ctimeMs)
})

t.test('what is found is looked at only where an upstream proxy wants a logon', async t => {
  const variables = { TSNTLM_LISTEN: '1', TSNTLM_NO_PROXY: '*' }
  const { config, issues } = load({ variables, usualPasswordFiles: ['/dev/null'] })
  t.strictSame(issues, [])
  t.equal(config?.password, undefined)
})

t.test('the environment alone is enough', async t => {
  const variables = {
    TSNTLM_PROXY: 'a:1, b:2',
    TSNTLM_LISTEN: '3128',
    TSNTLM_USERNAME: 'u',
    TSNTLM_PASSWORD: 'p',
  }
  const { config, files } = load({ variables })
  t.match(config, { username: 'u', passwordFrom: 'env:TSNTLM_PASSWORD' })
  t.strictSame(files, [])
})

t.test("tsntlm's own file is found before cntlm's", async t => {
  const among =
    (...there: string[]) =>
    (path: string) =>
      there.includes(path)
  t.equal(findConfigFile(among('/etc/cntlm.conf', '/etc/tsntlm.conf')), '/etc/tsntlm.conf')
  t.equal(findConfigFile(among('/etc/cntlm.conf')), '/etc/cntlm.conf')
  t.equal(findConfigFile(among()), undefined)
})
