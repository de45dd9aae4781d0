import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNtlmUpstream } from '../../src/demo/index.ts'
import { listen } from '../../src/demo/listen.ts'
import { startByteEcho } from '../harness/byte-echo.ts'
import { openClient, type RawClient, type RawResponse } from '../harness/http-client.ts'
import { type Product, runProduct, startProduct } from '../harness/product.ts'
import { startHeldOrigin } from '../harness/real/held-origin.ts'
import { accepts } from '../harness/real/port.ts'
import { startDaemon } from '../harness/real/run.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))
const ACCOUNT = { user: 'alice', domain: 'CORP', password: 'wonder-land-4711' }

/** The program in front of an upstream that demands NTLM. */
async function start(test: Test, lines: readonly string[] = []): Promise<Product> {
  const upstream = await startNtlmUpstream({ accounts: [ACCOUNT] })
  test.teardown(() => upstream.close())
  const product = await startProduct({
    config: [
      `Username ${ACCOUNT.user}`,
      `Domain ${ACCOUNT.domain}`,
      `Password ${ACCOUNT.password}`,
      `Proxy 127.0.0.1:${upstream.address.port}`,
      ...lines,
    ],
  })
  test.teardown(() => product.stop('SIGKILL'))
  return product
}

interface HeldRequest {
  readonly client: RawClient
  readonly answer: Promise<RawResponse>
  readonly release: () => void
}

/** A request that has arrived at its origin and is not answered yet. */
async function holdRequest(test: Test, { port }: Product): Promise<HeldRequest> {
  const origin = await startHeldOrigin()
  test.teardown(() => origin.stop())
  const client = await openClient(port)
  test.teardown(() => client.destroy())
  const authority = `127.0.0.1:${origin.port}`
  const answer = client.request(`GET http://${authority}/ HTTP/1.1\nHost: ${authority}`)
  answer.catch(() => undefined)
  await until('the request to arrive', () => (origin.arrived.length > 0 ? true : undefined))
  return { client, answer, release: () => origin.release() }
}

async function untilLogged(product: Product, event: string): Promise<void> {
  const find = () => product.log().find(line => line.event === event)
  await until(`${event} in the log`, find)
}

t.test('demo --exit gets real answers for GET and CONNECT and ends', async t => {
  const { code, stdout, stderr } = await runProduct(['demo', '--exit'], { timeoutMs: 30_000 })
  const out = stdout.toString()
  t.equal(code, 0, stderr)
  t.equal(stderr, '')
  t.equal(out.match(/^ {2}=> 200 OK: Hello from the origin$/gm)?.length, 3)
  t.match(out, /407 with a CHALLENGE\n[^]*AUTHENTICATE of CORP\\alice is right/)
  t.match(out, /^3\. CONNECT [^]*CONNECT origin\.demo\.test:443 answered 200$/m)
  t.match(out, /^The upstream verified 1 of 1 logons;/m)
  t.notMatch(out, 'Demo-Passw0rd')
})

t.test('demo stays up for others until it is stopped, and cleans up', async t => {
  const demo = await startDaemon(process.execPath, [BIN, 'demo'], output =>
    output.includes('# without tsntlm: 407'),
  )
  t.teardown(() => demo.stop('SIGKILL'))
  const [, port] = /^ {2}tsntlm +http:\/\/127\.0\.0\.1:(\d+),/m.exec(demo.output()) ?? []
  const client = await openClient(Number(port))
  t.teardown(() => client.destroy())
  const head = 'GET http://origin.demo.test/hello HTTP/1.1\nHost: origin.demo.test'
  t.match(await client.request(head), { status: 200, text: 'Hello from the origin\n' })
  const [, certificate = ''] = /--cacert (\S+)/.exec(demo.output()) ?? []
  t.ok(existsSync(certificate))
  t.equal(await demo.stop(), 0)
  t.notOk(existsSync(certificate))
})

t.test('an address in use ends the program with the reason', async t => {
  const occupied = createServer()
  const { port } = await listen(occupied)
  t.teardown(() => occupied.close())
  const file = join(makeTempDir(t), 'tsntlm.conf')
  writeFileSync(file, `NoProxy *\nListen ${port}\nLogFormat json\n`, { mode: 0o600 })
  const { code, stdout, stderr } = await runProduct(['--config', file], { timeoutMs: 30_000 })
  t.equal(code, 1)
  t.equal(stderr, 'tsntlm: no address could be listened on\n')
  const line: unknown = JSON.parse(stdout.toString())
  t.match(line, { event: 'listener.failed', level: 'error', address: `127.0.0.1:${port}` })
  t.match(line, { reason: /in use.*EADDRINUSE/ })

  const demo = await runProduct(['demo', '--port', String(port)], { timeoutMs: 30_000 })
  t.equal(demo.code, 1)
  t.equal(demo.stderr, 'tsntlm demo: no address could be listened on\n')
  t.match(demo.stdout.toString(), /cannot listen on .*in use/)
})

t.test('SIGTERM: a request in progress is finished, new ones are refused, exit code 0', async t => {
  const product = await start(t)
  const { client, answer, release } = await holdRequest(t, product)
  process.kill(product.pid, 'SIGTERM')
  await untilLogged(product, 'service.draining')
  t.equal(await accepts(product.port), false)
  release()
  t.match(await answer, { status: 200, text: 'released\n' })
  t.equal(await client.reader.closed(), 'end')
  const log = product.log()
  t.equal(await product.stop(), 0)
  const events = product.log().map(({ event }) => event)
  t.strictSame(events.slice(-3), ['service.draining', 'request.finished', 'service.stopped'])
  t.match(
    log.find(({ event }) => event === 'service.draining'),
    { signal: 'SIGTERM', requests: 1 },
  )
  t.notMatch(JSON.stringify(product.log()), ACCOUNT.password)
})

t.test('SIGINT without anything to do ends it at once, exit code 0', async t => {
  const product = await start(t)
  const idle = await openClient(product.port)
  t.teardown(() => idle.destroy())
  t.equal(await product.stop('SIGINT'), 0)
  t.match(
    product.log().find(({ event }) => event === 'service.draining'),
    { signal: 'SIGINT', requests: 0 },
  )
})

t.test('a second signal ends it at once, exit code 1', async t => {
  for (const second of ['SIGTERM', 'SIGINT'] as const) {
    const product = await start(t)
    const { client } = await holdRequest(t, product)
    process.kill(product.pid, 'SIGTERM')
    await untilLogged(product, 'service.draining')
    t.equal(await product.stop(second), 1)
    await client.reader.closed()
  }
})

t.test('what is not done when ShutdownGrace is over is cut off', async t => {
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const product = await start(t, ['ShutdownGrace 100ms'])
  const client = await openClient(product.port)
  t.teardown(() => client.destroy())
  const target = `127.0.0.1:${echo.port}`
  t.match(await client.request(`CONNECT ${target} HTTP/1.1\nHost: ${target}`), { status: 200 })
  t.equal(await product.stop(), 0)
  await client.reader.closed()
  const last = product.log().slice(-2)
  t.match(last, [
    { event: 'request.finished', method: 'CONNECT', term: 'KD' },
    { event: 'service.stopped', aborted: 1 },
  ])
})

/** The local ports that a process listens on, as Linux shows them. */
function listeningPorts(pid: number): number[] {
  const links = readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  const inodes = links.map(link => /^socket:\[(\d+)\]$/.exec(link)?.[1])
  return ['tcp', 'tcp6']
    .flatMap(name => readFileSync(`/proc/net/${name}`, 'utf8').trim().split('\n').slice(1))
    .map(line => line.trim().split(/ +/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.includes(inode))
    .map(([, local = '']) => parseInt(local.split(':')[1] ?? '', 16))
}

t.test('SIGUSR1 opens no debugger, which could read the password, and ends nothing', async t => {
  const product = await start(t)
  const { answer, release } = await holdRequest(t, product)
  const before = process.platform === 'linux' ? listeningPorts(product.pid) : []
  process.kill(product.pid, 'SIGUSR1')
  process.kill(product.pid, 'SIGUSR1')
  // node's debugger would be there before the next request is answered.
  const again = await holdRequest(t, product)
  again.release()
  t.match(await again.answer, { status: 200 })
  if (process.platform === 'linux') {
    t.strictSame(before, [product.port])
    t.strictSame(listeningPorts(product.pid), before)
  }
  release()
  t.match(await answer, { status: 200 })
  t.equal(await product.stop(), 0)
})
