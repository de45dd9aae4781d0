import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startOrigin } from '../../src/demo/index.ts'
import { openClient } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { findProgram } from '../harness/real/programs.ts'
import { run, startDaemon } from '../harness/real/run.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { BIN, type Test, tsntlm, writeConfig } from './program.ts'

/** The program with a log file, and a way to send it a request that the log has by its path. */
async function start(test: Test) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const dir = makeTempDir(test)
  const log = join(dir, 'tsntlm.log')
  const port = await freePort()
  const config = writeConfig(test, [
    'NoProxy *',
    `Listen 127.0.0.1:${port}`,
    'DirectToLocal yes',
    `LogFile ${log}`,
    `ControlSocket ${join(dir, 'c.sock')}`,
  ])
  const text = (file = log): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const daemon = await startDaemon(process.execPath, [BIN, '-c', config], () =>
    text().includes('service.started'),
  )
  test.teardown(() => daemon.stop('SIGKILL'))
  const get = async (path: string): Promise<void> => {
    const { port: originPort } = origin.http
    const client = await openClient(port)
    await client.request(
      `GET http://127.0.0.1:${originPort}${path} HTTP/1.1\nHost: 127.0.0.1:${originPort}`,
    )
    client.destroy()
  }
  return { config, daemon, dir, get, log, text }
}

t.test('the log is in the file alone, and SIGUSR2 opens it anew', async t => {
  const { daemon, get, log, text } = await start(t)
  await get('/before')
  renameSync(log, `${log}.1`)
  process.kill(daemon.pid, 'SIGUSR2')
  await until('the new file', async () => {
    await get('/after')
    return text(`${log}.1`).includes('/before') || undefined
  })
  await until('a line in the new file', async () => {
    await get('/after')
    return text().includes('/after') || undefined
  })
  t.notMatch(text(), '/before')
  t.equal(daemon.output(), '', 'nothing on standard output')
  t.equal(await daemon.stop(), 0)
  t.match(text(), 'service.stopped', 'to the last line')
})

const skip = findProgram('logrotate') === undefined && 'not installed: logrotate'
t.test('logrotate rotates it without a line being lost', { skip }, async t => {
  const { config, daemon, dir, get, log, text } = await start(t)
  const rules = join(dir, 'logrotate.conf')
  const command = `${process.execPath} ${BIN} reopen-log -c ${config}`
  writeFileSync(
    rules,
    `${log} {\n  rotate 3\n  create 0640\n  postrotate\n    env -u NODE_OPTIONS ${command}\n  endscript\n}\n`,
    { mode: 0o600 },
  )
  for (let round = 1; round <= 2; round++) {
    await get(`/round-${round}`)
    const { code, stderr } = await run('logrotate', ['-f', '-s', join(dir, 'state'), rules])
    t.equal(code, 0, stderr)
  }
  await get('/round-3')
  t.match(text(`${log}.2`), '/round-1')
  t.match(text(`${log}.1`), '/round-2')
  await until('the line of the last request', () => text().includes('/round-3') || undefined)
  const missing = await tsntlm(['reopen-log', '--socket', join(dir, 'none.sock')])
  t.match(missing, { code: 1, stderr: /^tsntlm reopen-log: there is no / })
  t.equal(await daemon.stop(), 0)
})
