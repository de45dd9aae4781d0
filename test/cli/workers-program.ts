import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { openClient, type RawClient } from '../harness/http-client.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { type Test, tsntlm } from './program.ts'

const ACCOUNT = { user: 'testuser', domain: 'corp-uk', password: 'Geheim-1' }
export const HELLO = 'GET http://origin.demo.test/hello HTTP/1.1\nHost: origin.demo.test'
const CONFIG_LINES = [`Username ${ACCOUNT.user}`, `Domain ${ACCOUNT.domain}`, 'Workers 2']

interface StartOptions {
  readonly password?: string
  readonly before?: readonly string[]
  readonly lines?: readonly string[]
}

/** The program with two workers, in front of an upstream that verifies. */
export async function start(
  test: Test,
  { password = ACCOUNT.password, before = [], lines = [] }: StartOptions = {},
) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const upstream = await startNtlmUpstream({ accounts: [ACCOUNT], resolve: origin.resolve })
  test.teardown(() => upstream.close())
  const product = await startProduct({
    config: [
      ...CONFIG_LINES,
      `Password ${password}`,
      ...before,
      `Proxy 127.0.0.1:${upstream.address.port}`,
      `ControlSocket ${join(makeTempDir(test), 'run/c.sock')}`,
      ...lines,
    ],
  })
  test.teardown(() => product.stop('SIGKILL'))
  return { origin, upstream, product, pids: await workersOf(product) }
}

export function events(product: Product, event: string) {
  return product.log().filter(line => line.event === event)
}

/** Those that serve now, once there are two. */
export async function workersOf(product: Product): Promise<number[]> {
  return await until('two workers', () => {
    const ended = events(product, 'worker.ended').map(({ pid }) => pid)
    const pids = events(product, 'worker.started').map(({ pid }) => pid)
    const left = pids.filter(pid => !ended.includes(pid)).map(Number)
    return left.length === 2 ? left : undefined
  })
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // One that nobody has waited for is dead all the same.
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** How many sockets a process has; that of the control socket comes after the workers. */
export function socketsOf(pid: number): number {
  const descriptors = readdirSync(`/proc/${pid}/fd`)
  return descriptors.filter(descriptor => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

export async function connectAll(test: Test, port: number, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => openClient(port)))
  test.teardown(() => {
    for (const client of clients) client.destroy()
  })
  return clients
}

export async function statusOf({ config }: Product): Promise<unknown> {
  return JSON.parse((await tsntlm(['status', '--json', '-c', config])).out)
}

/** What a JSON answer holds at a path. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown>)[key],
    value,
  )
}
