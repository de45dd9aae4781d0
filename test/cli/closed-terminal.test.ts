import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../harness/real/port.ts'
import { findProgram } from '../harness/real/programs.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { BIN, DIRECT, type Test, writeConfig } from './program.ts'

/** Runs a command in a terminal of its own, whose window closes when standard input ends. */
const TERMINAL = `
import os, pty, select, sys
pid, master = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
while True:
    ready, _, _ = select.select([0, master], [], [])
    if 0 in ready: break
    os.read(master, 65536)
os.close(master)
os.waitpid(pid, 0)
`

interface InTerminal {
  readonly pid: number
  log(): string
  /** Closes the terminal. */
  close(): void
}

/** `shell` is run by an interactive bash, as a person types it; \`$TSNTLM\` in it is the program with its arguments. */
async function start(test: Test, shell?: string): Promise<InTerminal> {
  const log = join(makeTempDir(test), 'log')
  const pidFile = join(makeTempDir(test), 'pid')
  const config = writeConfig(test, [
    ...DIRECT,
    'ControlSocket off',
    `Listen 127.0.0.1:${await freePort()}`,
    `LogFile ${log}`,
  ])
  const command = ['env', '-u', 'NODE_OPTIONS', process.execPath, BIN, '-c', config, '-P', pidFile]
  const line = shell?.replace('$TSNTLM', command.join(' '))
  const argv = line === undefined ? command : ['bash', '--norc', '-i', '-c', line]
  const terminal: ChildProcess = spawn('python3', ['-c', TERMINAL, ...argv], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const text = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  const pid = await until('the program', () =>
    text().includes('service.started') && existsSync(pidFile)
      ? Number(readFileSync(pidFile, 'utf8'))
      : undefined,
  )
  test.teardown(async () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    terminal.kill('SIGKILL')
  })
  return { pid, log: text, close: () => terminal.stdin?.end() }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const skip = findProgram('python3') === undefined && 'not installed: python3'

t.test('in a terminal SIGHUP means a reload, until the terminal is closed', { skip }, async t => {
  for (const shell of [undefined, '$TSNTLM; true', '$TSNTLM >/dev/null 2>&1 & wait']) {
    const program = await start(t, shell)
    process.kill(program.pid, 'SIGHUP')
    await until('the reload', () => program.log().includes('config.loaded') || undefined)
    program.close()
    await until('its end', () => !isAlive(program.pid) || undefined)
    t.match(program.log(), /service\.draining","signal":"closed terminal"/, shell ?? 'alone')
    t.match(program.log(), 'service.stopped')
  }
})

t.test(
  'with nohup it outlives its terminal, and SIGHUP goes on to mean a reload',
  { skip },
  async t => {
    const program = await start(t, 'nohup $TSNTLM >/dev/null 2>&1 & wait')
    program.close()
    const reloads = (): number => program.log().split('config.loaded').length
    await until('the reload that the hang-up was taken for', () => reloads() > 1 || undefined)
    const before = reloads()
    process.kill(program.pid, 'SIGHUP')
    await until('a reload', () => reloads() > before || undefined)
    t.ok(isAlive(program.pid))
  },
)
