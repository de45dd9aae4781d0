import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LogFile } from '../../../src/observe/index.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'

function open(path: string) {
  const problems: string[] = []
  const file = new LogFile({ path, onProblem: problem => problems.push(problem) })
  const write = (line: string): number => file.write(Buffer.from(line))
  return { file, problems, write }
}

t.test('lines are appended at once, and after a rotation to the new file', async t => {
  const path = join(makeTempDir(t), 'log')
  const { file, problems, write } = open(path)
  write('one\n')
  t.equal(readFileSync(path, 'utf8'), 'one\n')
  t.equal(statSync(path).mode & 0o137, 0, 'others may not read it')
  renameSync(path, `${path}.1`)
  write('two ä\n')
  t.notOk(existsSync(path), 'until it is told')
  t.ok(file.reopen())
  write('three\n')
  t.equal(readFileSync(`${path}.1`, 'utf8'), 'one\ntwo ä\n')
  t.equal(readFileSync(path, 'utf8'), 'three\n')
  t.ok(open(path).file.reopen())
  t.equal(readFileSync(path, 'utf8'), 'three\n', 'what was there stays')
  t.same(problems, [])
})

t.test('a file that cannot be opened is an error of the configuration', async t => {
  const path = join(makeTempDir(t), 'nowhere/log')
  t.throws(() => open(path), { code: 'CONFIG', detail: /^the log file cannot be opened: ENOENT/ })
})

t.test('where no new file can be made the old one goes on', async t => {
  const folder = join(makeTempDir(t), 'logs')
  mkdirSync(folder)
  const path = join(folder, 'log')
  const { file, problems, write } = open(path)
  renameSync(folder, `${folder}.old`)
  t.notOk(file.reopen())
  t.notOk(file.reopen())
  write('still\n')
  t.equal(readFileSync(join(`${folder}.old`, 'log'), 'utf8'), 'still\n')
  t.match(problems, [/^the log file cannot be opened anew, the old one goes on: ENOENT/])
  mkdirSync(folder)
  chmodSync(folder, 0o700)
  t.ok(file.reopen())
  t.notOk(problems[1])
})

t.test('a full disk is told of once, and again after it went well in between', async t => {
  const { problems, write } = open('/dev/full')
  for (let n = 0; n < 3; n++) t.throws(() => write('lost\n'), { code: 'ENOSPC' })
  t.equal(problems.length, 1)
  t.match(problems[0], /^lines of the log are lost: ENOSPC/)
})

t.test('a path may be that of a pipe, whose reader is not waited for', async t => {
  const path = join(makeTempDir(t), 'pipe')
  execFileSync('mkfifo', [path])
  t.throws(() => open(path), { code: 'CONFIG', detail: /^the log file cannot be opened: ENXIO/ })
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  t.teardown(() => closeSync(reader))
  const { problems, write } = open(path)
  const fill = (): void => {
    for (;;) write('x'.repeat(4096))
  }
  t.throws(fill, { code: 'EAGAIN' })
  t.same(problems, [], 'it is behind, which is no problem yet')
})
