import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, createReadStream, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t from 'tap'
import { startOrigin } from '../../src/demo/index.ts'
import { openClient } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { BIN, DIRECT, type Test, writeConfig } from './program.ts'

const KINDS = ['a pipe', 'a stream socket'] as const

interface Program {
  readonly child: ChildProcess
  readonly port: number
  readonly adminPort: number
  /** The end of the log that nobody reads as yet. */
  readonly reader: Readable
  readonly ended: Promise<number | null>
}

const origin = await startOrigin()
t.teardown(() => origin.close())

/** The program with a log that nobody reads: systemd gives a stream socket, and so does node to its children. */
async function start(
  test: Test,
  kind: (typeof KINDS)[number],
  nodeArgs: readonly string[] = [],
): Promise<Program> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const config = writeConfig(test, [
    ...DIRECT,
    'DirectToLocal yes',
    'ControlSocket off',
    `Listen 127.0.0.1:${port}`,
    `Admin 127.0.0.1:${adminPort}`,
  ])
  const path = join(makeTempDir(test), 'pipe')
  execFileSync('mkfifo', [path])
  const [from, to] = [openSync(path, constants.O_RDWR), openSync(path, 'w')]
  // Without what tap loads into children, which touches standard output.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, ...nodeArgs, BIN, '-c', config]
  const child = spawn('env', command, {
    stdio: ['ignore', kind === 'a pipe' ? to : 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  test.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    for (const fd of [from, to]) closeSync(fd)
  })
  const reader = child.stdout ?? createReadStream('', { fd: openSync(path, 'r'), autoClose: true })
  await until('its port', () => connects(port))
  return { child, port, adminPort, reader, ended }
}

async function connects(port: number): Promise<true | undefined> {
  try {
    const client = await openClient(port)
    client.destroy()
    return true
  } catch {
    return undefined
  }
}

/** Makes that many requests, with access lines of two kilobytes. @returns how many were answered by the web server. */
async function request(port: number, count: number): Promise<number> {
  const client = await openClient(port)
  const url = `http://127.0.0.1:${origin.http.port}/${'p'.repeat(3_000)}`
  let answered = 0
  for (let at = 0; at < count; at++) {
    const { status } = await client.request(`GET ${url} HTTP/1.1\nHost: a`)
    if (status === 404) answered++
  }
  client.destroy()
  return answered
}

async function lostLines(adminPort: number): Promise<number> {
  const client = await openClient(adminPort)
  const { text } = await client.request('GET /metrics HTTP/1.1\nHost: 127.0.0.1')
  client.destroy()
  return Number(/^tsntlm_log_lines_lost_total (\d+)$/m.exec(text)?.[1])
}

interface Line {
  readonly event: string
  readonly msg: string
  readonly lines?: number
}

/** Everything that is in the log, once `isWhole` says that it is. */
async function readLog(
  { reader }: Program,
  isWhole: (lines: readonly Line[]) => boolean,
): Promise<Line[]> {
  let text = ''
  reader.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const parse = (): Line[] => {
    const lines = text.split('\n').slice(0, -1)
    return lines.map(line => JSON.parse(line) as Line)
  }
  return until('the log', () => (isWhole(parse()) ? parse() : undefined))
}

const countOf = (lines: readonly Line[], event: string): number =>
  lines.filter(line => line.event === event).length

for (const kind of KINDS) {
  t.test(
    `${kind} that nobody reads stops no client, and its reader is told what it missed`,
    async t => {
      const program = await start(t, kind)
      const { adminPort, child, ended, port } = program
      t.equal(await request(port, 1_000), 1_000)
      const lost = await lostLines(adminPort)
      t.ok(lost > 100, `${lost} lines lost`)
      const whole = (lines: readonly Line[]): boolean =>
        countOf(lines, 'request.finished') + lost === 1_000
      const lines = await readLog(program, whole)
      const told = lines.filter(({ event }) => event === 'log.lost')
      t.match(told, [{ msg: `log lines lost: ${lost}`, lines: lost }])
      t.equal(await request(port, 10), 10)
      child.kill('SIGTERM')
      t.equal(await ended, 0)
    },
  )

  t.test(`nothing is lost at the end while somebody reads ${kind}`, async t => {
    const program = await start(t, kind)
    t.equal(await request(program.port, 200), 200)
    program.child.kill('SIGTERM')
    const lines = await readLog(program, all => countOf(all, 'service.stopped') === 1)
    t.equal(await program.ended, 0)
    t.equal(countOf(lines, 'request.finished'), 200)
    t.equal(countOf(lines, 'log.lost'), 0)
  })

  t.test(`a program that ends by a bug leaves its whole log in ${kind}`, async t => {
    const crash = `process.on('SIGWINCH', () => { throw new Error('boom') })`
    const program = await start(t, kind, ['--import', `data:text/javascript,${crash}`])
    t.equal(await request(program.port, 200), 200)
    program.child.kill('SIGWINCH')
    const lines = await readLog(program, all => countOf(all, 'bug') === 1)
    t.equal(await program.ended, 1)
    t.equal(countOf(lines, 'request.finished'), 200)
    t.match(lines.at(-1), { msg: 'a bug: the program ends', err: { message: 'boom' } })
  })

  t.test(`it ends although nobody reads ${kind}`, async t => {
    const { child, ended, port } = await start(t, kind)
    t.equal(await request(port, 200), 200)
    child.kill('SIGTERM')
    t.equal(await ended, 0)
  })
}

t.test('other processes that write to the same pipe go on waiting for its reader', async t => {
  const { child } = await start(t, 'a pipe')
  const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${child.pid}/fdinfo/1`, 'utf8'))
  t.equal(Number.parseInt(flags?.[1] ?? '', 8) & constants.O_NONBLOCK, 0)
})
