import { join } from 'node:path'
import type { Test } from 'tap'
import { type Origin, startOrigin } from '../../src/demo/origin.ts'
import { type Product, type ProductOptions, startProduct } from '../harness/product.ts'
import { program } from '../harness/real/programs.ts'
import { type Finished, run, type RunOptions } from '../harness/real/run.ts'
import {
  ORIGIN_HOST,
  PASSWORD,
  type Squid,
  type SquidOptions,
  startSquid,
} from '../harness/real/squid.ts'

export const PROGRAMS = ['squid', 'ntlm_auth', 'curl']

/** The account that the Squids of these suites know. */
export const ACCOUNT = ['Username alice', 'Domain CORP']

export async function squidFor(t: Test, options: SquidOptions): Promise<Squid> {
  const squid = await startSquid(options)
  // SIGKILL, because Squid takes two seconds over a farewell that nobody needs.
  t.teardown(() => squid.stop('SIGKILL'))
  return squid
}

export interface ProductSetUp extends Partial<ProductOptions> {
  readonly squids: readonly Squid[]
  readonly password?: string
}

/** The built program in front of these Squids; `config` comes on top. */
export async function productFor(t: Test, setUp: ProductSetUp): Promise<Product> {
  const { squids, password = PASSWORD, config = [], ...options } = setUp
  const product = await startProduct({
    ...options,
    config: [
      ...ACCOUNT,
      `Password ${password}`,
      ...squids.map(({ address }) => `Proxy ${address}`),
      ...config,
    ],
  })
  t.teardown(() => product.stop())
  return product
}

export interface Site {
  readonly origin: Origin
  /** A folder for what clients send. */
  readonly dir: string
  /** The certificate authority that clients trust. */
  readonly caFile: string
  http(path: string): string
  https(path: string): string
}

/** The demo's origin as Squid reaches it by name. */
export async function siteFor(t: Test): Promise<Site> {
  const origin = await startOrigin()
  t.teardown(() => origin.close())
  const dir = t.testdir({ 'ca.pem': origin.caPem })
  const caFile = join(dir, 'ca.pem')
  return {
    origin,
    dir,
    caFile,
    http: path => `http://${ORIGIN_HOST}:${origin.http.port}${path}`,
    https: path => `https://${ORIGIN_HOST}:${origin.https.port}${path}`,
  }
}

/** Runs curl through the program (or, for comparison, through a Squid). */
export function curl(
  proxy: { readonly url: string },
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return run(program('curl'), ['-sS', '--max-time', '50', '-x', proxy.url, ...args], options)
}

/** The status code of each of curl's transfers. */
export async function statuses(
  proxy: { readonly url: string },
  args: readonly string[],
): Promise<number[]> {
  const { stdout } = await curl(proxy, ['-o', '/dev/null', '-w', '%{http_code}\\n', ...args])
  return stdout.toString().trim().split('\n').map(Number)
}

/** How often Squid challenged somebody: one 407 is one handshake begun. */
export async function handshakes(squid: Squid): Promise<number> {
  return (await squid.accessLog()).filter(({ status }) => status === 407).length
}
