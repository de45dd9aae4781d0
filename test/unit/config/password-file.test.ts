import {
  chmodSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatIssue } from '../../../src/config/index.ts'
import { parsePasswordFile, readPasswordFile } from '../../../src/config/password-file.ts'

const ORIGIN = { source: 'f', line: 1, column: 14 }
const NOW = { startedAtMs: 0, closedFolders: [] }

t.test('the password is the first line, without its end', async t => {
  const table: [content: string | Buffer, password: string][] = [
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n\r\n', 'hunter2'],
    [' a # "b"\t\n', ' a # "b"\t'],
    ['\ufeffp\u00e4\u20ac', 'p\u00e4\u20ac'],
    [Buffer.from('p\u00e4\n', 'latin1'), 'p\u00e4'],
  ]
  for (const [content, password] of table) {
    const parsed = parsePasswordFile(Buffer.from(content))
    t.equal(parsed.ok ? parsed.value.reveal() : parsed.error, password)
    t.strictSame(parsed.ok && parsed.warnings, [])
  }
})

t.test('what cannot be a password is refused without being shown', async t => {
  const table: [content: string | Buffer, error: RegExp][] = [
    ['', /first line of the file is empty/],
    ['\n', /first line of the file is empty/],
    ['\r\nhunter2', /first line of the file is empty/],
    [Buffer.from('\ufeffhunter2', 'utf16le'), /control characters/],
    ['hunter2\n\0', /control characters/],
    ['hunter2\u001b[0m', /control characters/],
    [Buffer.from([0x80, 0x41]), /control characters/],
    ['x'.repeat(65_537), /more than 64 KiB/],
  ]
  for (const [content, error] of table) {
    const parsed = parsePasswordFile(Buffer.from(content))
    t.match(parsed, { ok: false, error })
    t.notMatch(JSON.stringify(parsed), 'hunter2')
  }
  t.ok(parsePasswordFile(Buffer.from('x'.repeat(65_536))).ok)
})

t.test('further lines are a warning', async t => {
  const parsed = parsePasswordFile(Buffer.from('hunter2\nDomain CORP\n'))
  t.match(parsed, {
    ok: true,
    warnings: [{ message: 'the file has more lines, they were ignored' }],
  })
})

t.test('a file that cannot be read is an error with its place', async t => {
  const folder = t.testdir({ big: 'x'.repeat(65_537), empty: '' })
  const table: [path: string, problem: string][] = [
    [join(folder, 'absent'), 'the password cannot be read: the file does not exist'],
    [join(folder, 'empty/x'), 'the password cannot be read: a part of its path is no directory'],
    [folder, 'the password cannot be read: it is a directory'],
    ['/dev/null', 'the password cannot be read: it is no regular file'],
    [join(folder, 'big'), 'the file has more than 64 KiB, it holds no password'],
    [join(folder, 'empty'), 'the first line of the file is empty (the password is to stand there)'],
  ]
  for (const [path, problem] of table) {
    const { password, issues, changedAtMs } = readPasswordFile({ path, origin: ORIGIN }, NOW)
    t.strictSame(issues.map(formatIssue), [`f:1:14: error: PasswordFile: ${path}: ${problem}`])
    t.strictSame([password, changedAtMs], [undefined, undefined])
  }
})

t.test('other users who can read it are warned of, except where they cannot enter', async t => {
  const folder = t.testdir({ secret: 'hunter2' })
  const path = join(folder, 'secret')
  const warning = `f:1:14: warning: PasswordFile: ${path}: other users can read the password (chmod 600 ${path})`
  const table: [mode: number, closedFolders: string[], issues: string[]][] = [
    [0o600, [], []],
    [0o640, [], [warning]],
    [0o604, [`${folder}-not`], [warning]],
    [0o444, [folder], []],
  ]
  for (const [mode, closedFolders, issues] of table) {
    chmodSync(path, mode)
    const read = readPasswordFile({ path, origin: ORIGIN }, { startedAtMs: 0, closedFolders })
    t.strictSame(read.issues.map(formatIssue), issues, mode.toString(8))
    t.equal(read.password?.reveal(), 'hunter2')
  }
})

const MEMORY = '/dev/shm'

function isMemory(): boolean {
  try {
    return statfsSync(MEMORY).type === 0x01021994
  } catch {
    return false
  }
}

t.test(
  'the time of a file in memory counts when it was changed while the process ran',
  { skip: isMemory() ? false : `${MEMORY} is no tmpfs` },
  async t => {
    const folder = mkdtempSync(join(MEMORY, 'tsntlm-test-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'secret')
    writeFileSync(path, 'hunter2', { mode: 0o600 })
    const { ctimeMs } = statSync(path)
    const changedAt = (startedAtMs: number): number | undefined =>
      readPasswordFile({ path, origin: ORIGIN }, { startedAtMs, closedFolders: [] }).changedAtMs
    t.equal(changedAt(ctimeMs - 1), ctimeMs)
    t.equal(changedAt(ctimeMs), 0)
    utimesSync(path, 4_000_000_000, 4_000_000_000)
    t.equal(changedAt(Date.now()), 4_000_000_000_000)
  },
)

t.test('the time of a file on disk always counts', async t => {
  const path = join(t.testdir({ secret: 'hunter2' }), 'secret')
  const { changedAtMs } = readPasswordFile(
    { path, origin: ORIGIN },
    { startedAtMs: Number.MAX_SAFE_INTEGER, closedFolders: [] },
  )
  t.equal(changedAtMs, statSync(path).ctimeMs)
})
