import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LogFile } from '../../../src/observe/index.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'

function open(path: string) {
  const problems: string[] = []
  const file = new LogFile({ path, onProblem: problem => problems.push(problem) })
  return { file, problems }
}

t.test('lines are appended at once, and after a rotation to the new file', async t => {
  const path = join(makeTempDir(t), 'log')
  const { file, problems } = open(path)
  file.write('one\n')
  t.equal(readFileSync(path, 'utf8'), 'one\n')
  t.equal(statSync(path).mode & 0o137, 0, 'others may not read it')
  renameSync(path, `${path}.1`)
  file.write('two ä\n')
  t.notOk(existsSync(path), 'until it is told')
  t.ok(file.reopen())
  file.write('three\n')
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
  const { file, problems } = open(path)
  renameSync(folder, `${folder}.old`)
  t.notOk(file.reopen())
  t.notOk(file.reopen())
  file.write('still\n')
  t.equal(readFileSync(join(`${folder}.old`, 'log'), 'utf8'), 'still\n')
  t.match(problems, [/^the log file cannot be opened anew, the old one goes on: ENOENT/])
  mkdirSync(folder)
  chmodSync(folder, 0o700)
  t.ok(file.reopen())
  t.notOk(problems[1])
})

t.test('a full disk loses lines, is told of once, and is no error', async t => {
  const { file, problems } = open('/dev/full')
  for (let n = 0; n < 3; n++) file.write('lost\n')
  t.equal(problems.length, 1)
  t.match(problems[0], /^lines of the log are lost: ENOSPC/)
})
