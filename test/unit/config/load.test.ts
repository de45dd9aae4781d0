import { chmodSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findConfigFile, formatIssue, loadConfigFile } from '../../../src/config/index.ts'

const TEXT = 'Username u\nPassword p\u00e4\nProxy a:1\nListen 3128\n'

t.test('a file becomes a configuration with the time of its last change', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, TEXT, { mode: 0o600 })
  utimesSync(path, 1, 1)
  const { config, issues, files } = loadConfigFile(path)
  t.strictSame(issues, [])
  t.equal(config?.password?.reveal(), 'p\u00e4')
  t.equal(config?.listeners[0]?.origin.source, path)
  t.strictSame(files, [{ path, changedAtMs: statSync(path).ctimeMs }], 'chmod and mv count too')
})

t.test('the modification time counts when it is the later one', async t => {
  const path = join(t.testdir(), 'tsntlm.conf')
  writeFileSync(path, TEXT, { mode: 0o600 })
  utimesSync(path, 4_000_000_000, 4_000_000_000)
  t.equal(loadConfigFile(path).files[0]?.changedAtMs, 4_000_000_000_000)
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
  const origin = { source: 'argv', line: 0, column: 0 }
  const { config } = loadConfigFile(path, [{ name: 'Username', value: 'other', origin }])
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

t.test("tsntlm's own file is found before cntlm's", async t => {
  const among =
    (...there: string[]) =>
    (path: string) =>
      there.includes(path)
  t.equal(findConfigFile(among('/etc/cntlm.conf', '/etc/tsntlm.conf')), '/etc/tsntlm.conf')
  t.equal(findConfigFile(among('/etc/cntlm.conf')), '/etc/cntlm.conf')
  t.equal(findConfigFile(among()), undefined)
})
