import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openClient } from '../harness/http-client.ts'
import { runProduct } from '../harness/product.ts'
import { findProgram, program } from '../harness/real/programs.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))

/** As systemd does it: the variables name the process that becomes the program. */
const ACTIVATED = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"'

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
}

function start(
  test: Test,
  lines: readonly string[],
  env: Readonly<Record<string, string>>,
  fds: readonly number[] = [],
): Started {
  const dir = makeTempDir(test)
  const config = join(dir, 'tsntlm.conf')
  writeFileSync(config, [...lines, `StateDirectory ${dir}`, ''].join('\n'), { mode: 0o600 })
  const command = [process.execPath, BIN, '--config', config]
  const child = spawn('/bin/sh', ['-c', ACTIVATED, 'sh', ...command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...fds],
  })
  test.teardown(() => child.kill('SIGKILL'))
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  return { child, output: () => output }
}

async function untilReady({ output }: Started): Promise<void> {
  await until('the program to be ready', () => output().includes('service.started') || undefined)
}

/** A bound socket, of which this process keeps nothing once `release` was called. */
async function bindSocket(): Promise<{ fd: number; port: number; release: () => void }> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const handle = (server as unknown as { _handle: { fd: number } })._handle
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return { fd: handle.fd, port: address.port, release: () => void server.close() }
}

t.test('with inherited sockets the configuration needs no Listen', async t => {
  await runProduct(['--version'])
  const [http, socks] = await Promise.all([bindSocket(), bindSocket()])
  const env = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'tsntlm.socket:socks5' }
  const started = start(t, ['NoProxy *'], env, [http.fd, socks.fd])
  http.release()
  socks.release()
  await untilReady(started)
  const client = await openClient(http.port)
  t.teardown(() => client.destroy())
  t.match(await client.request('OPTIONS * HTTP/1.1\nHost: x'), { status: 200 })
  const speaker = await openClient(socks.port)
  t.teardown(() => speaker.destroy())
  speaker.send(Buffer.from([5, 1, 0]))
  t.strictSame([...(await speaker.reader.readBytes(2))], [5, 0])
})

t.test('a Listen line for the address of an inherited socket means that socket', async t => {
  const { fd, port, release } = await bindSocket()
  const other = await freePort()
  const lines = ['NoProxy *', `Listen 127.0.0.1:${port}`, `Listen 127.0.0.1:${other}`]
  const started = start(t, lines, { LISTEN_FDS: '1' }, [fd])
  release()
  await untilReady(started)
  t.notMatch(started.output(), 'listener.failed')
  t.match(started.output(), `"listeners":["127.0.0.1:${port}","127.0.0.1:${other}"]`)
})

t.test('a descriptor that is no TCP socket is reported and left out', async t => {
  const port = await freePort()
  const started = start(t, ['NoProxy *', `Listen 127.0.0.1:${port}`], { LISTEN_FDS: '1' })
  await untilReady(started)
  t.match(started.output(), /listener\.failed.*inherited socket unknown \(descriptor 3\)/)
})

/** Receives as systemd does, one datagram a message. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(repr(s.recv(4096).decode()), flush=True)
`

t.test('systemd is told when the program is ready and when it stops', async t => {
  const missing = ['systemd-notify', 'python3'].filter(name => findProgram(name) === undefined)
  if (missing.length > 0) return t.comment(`not installed: ${missing.join(', ')}`)
  const dir = makeTempDir(t)
  mkdirSync(dir, { recursive: true })
  const socket = join(dir, 'notify')
  const receiver = spawn(program('python3'), ['-c', RECEIVER, socket], { stdio: 'pipe' })
  t.teardown(() => receiver.kill('SIGKILL'))
  let received = ''
  receiver.stdout.on('data', (chunk: Buffer) => (received += chunk.toString()))
  await until('the receiver', () => received.includes('bound') || undefined)
  const port = await freePort()
  const lines = ['NoProxy *', `Listen 127.0.0.1:${port}`, 'ShutdownGrace 1s']
  const { child } = start(t, lines, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' })
  const untilTold = async (text: string): Promise<void> =>
    void (await until(text, () => received.includes(text) || undefined))
  await untilTold(`READY=1\\nSTATUS=listening on 127.0.0.1:${port}`)
  await untilTold('WATCHDOG=1')
  child.kill('SIGTERM')
  await untilTold('STOPPING=1\\nEXTEND_TIMEOUT_USEC=11000000')
})

t.test('a missing systemd-notify is reported and stops nothing', async t => {
  const port = await freePort()
  const dir = makeTempDir(t)
  const env = { NOTIFY_SOCKET: join(dir, 'notify'), PATH: dir }
  const started = start(t, ['NoProxy *', `Listen 127.0.0.1:${port}`], env)
  await until('the report', () => started.output().includes('service.notifyFailed') || undefined)
  t.match(started.output(), /systemd-notify ENOENT/)
  const client = await openClient(port)
  t.teardown(() => client.destroy())
  t.match(await client.request('OPTIONS * HTTP/1.1\nHost: x'), { status: 200 })
})
