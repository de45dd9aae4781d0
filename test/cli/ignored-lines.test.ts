import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../harness/real/port.ts'
import { run, startDaemon } from '../harness/real/run.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { DIRECT, linkAsCntlm, serve, writeConfig } from './program.ts'

const WARNING = 'warning: Foo: is no known directive and was ignored'

/** What is left over in a configuration, as cntlm reports it line by line. */
function configWithLeftover(test: Parameters<typeof writeConfig>[0], port: number): string {
  return writeConfig(test, [...DIRECT, 'Foo bar', `Listen ${port}`])
}

t.test(
  'in the background they reach the terminal, and syslog with the rest of the log',
  async t => {
    const file = configWithLeftover(t, await freePort())
    const dir = makeTempDir(t)
    const [pidFile, syslog] = [join(dir, 'cntlm.pid'), join(dir, 'syslog')]
    // In the place of logger(1): it writes to a file what the other one hands to /dev/log.
    writeFileSync(join(dir, 'logger'), `#!/bin/sh\necho "$@" >> ${syslog}\nexec cat >> ${syslog}\n`)
    chmodSync(join(dir, 'logger'), 0o755)
    const args = [linkAsCntlm(t), '-c', file, '-P', pidFile]
    const env = { PATH: `${dir}:${process.env['PATH'] ?? ''}` }
    const parent = await run(process.execPath, args, { env })
    t.match(parent, { code: 0, stderr: `${file}:3:5: ${WARNING}\n` })
    const lines = (): string => (existsSync(syslog) ? readFileSync(syslog, 'utf8') : '')
    await until('the log', () => lines().includes('"service.started"') || undefined)
    t.match(lines(), /^-t cntlm -p daemon\.info$/m)
    t.match(lines(), `"event":"config.issue","msg":"${file}:3:5: ${WARNING}"`)
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
    await until('the end', () => lines().includes('"service.stopped"') || undefined)
  },
)

t.test('without logger(1) it serves all the same', async t => {
  const file = configWithLeftover(t, await freePort())
  const pidFile = join(makeTempDir(t), 'cntlm.pid')
  const args = [linkAsCntlm(t), '-c', file, '-P', pidFile]
  const { code, stderr } = await run(process.execPath, args, { env: { PATH: makeTempDir(t) } })
  t.match({ code, stderr }, { code: 0, stderr: `${file}:3:5: ${WARNING}\n` })
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
  await until('the end', () => !existsSync(pidFile) || undefined)
})

t.test('with a log file they are there too, and otherwise on standard error alone', async t => {
  const port = await freePort()
  const file = configWithLeftover(t, port)
  const log = join(makeTempDir(t), 'trace.log')
  const args = ['-c', file, '-T', log]
  const text = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  const traced = await startDaemon(process.execPath, [linkAsCntlm(t), ...args], () =>
    text().includes('"service.started"'),
  )
  t.teardown(() => traced.stop('SIGKILL'))
  t.match(text(), WARNING)
  t.equal(traced.output(), `${file}:3:5: ${WARNING}\n`)
  t.equal(await traced.stop(), 0)

  const daemon = await serve(t, ['-c', file])
  t.equal(daemon.output().split(WARNING).length, 2, 'once')
  t.equal(await daemon.stop(), 0)
})
