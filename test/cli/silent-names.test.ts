import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openClient, type RawResponse } from '../harness/http-client.ts'
import { openProxy } from '../harness/playbook.ts'
import { type Product, type ProductOptions, startProduct } from '../harness/product.ts'
import { startNameServer } from '../harness/real/name-server.ts'
import { findProgram } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'
import { startScriptedUpstream } from '../harness/scripted-upstream.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { hasQuickJs } from '../unit/pac/sandbox.ts'

/** Set in the namespace: a folder with the files that say there how names are found. */
const FOLDER = process.env['NAME_TEST_FOLDER']

const WAYS: Readonly<Record<string, string>> = {
  'over sockets of its own': 'hosts: files dns',
  // The module is not installed, but tsntlm cannot know: only the C library can tell.
  'by the C library, in threads': 'hosts: files tsntlmtest dns',
}

const STARTS: Readonly<Record<string, Pick<ProductOptions, 'nodeOptions'>>> = {
  'started as usual': {},
  // Which starts libuv's threads before bin/tsntlm.js can say how many.
  'with a preloaded module': { nodeOptions: '--import=data:text/javascript,' },
}

if (FOLDER === undefined) await outside()
else for (const [way, nsswitch] of Object.entries(WAYS)) inside(FOLDER, way, nsswitch)

/** This file again, in a network of its own whose name server is the test's. */
async function outside(): Promise<void> {
  const flags = ['--net', '--mount']
  const isAllowed =
    findProgram('unshare') !== undefined &&
    findProgram('ip') !== undefined &&
    (await run('unshare', [...flags, 'true'])).code === 0
  if (!isAllowed) return void t.plan(0, 'needs root, unshare and ip: no network namespace')
  const dir = makeTempDir(t)
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n')
  writeFileSync(join(dir, 'nsswitch.conf'), '')
  const mounts = ['resolv.conf', 'hosts', 'nsswitch.conf'].map(
    name => `touch -a /etc/${name} && mount --bind "$0/${name}" /etc/${name}`,
  )
  const script = ['ip link set lo up', ...mounts, 'exec "$@"'].join(' && ')
  const self = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)]
  const options = { env: { ...process.env, NAME_TEST_FOLDER: dir }, timeout: 100_000 }
  await t.spawn('unshare', [...flags, 'sh', '-c', script, dir, ...self], options, 'in a namespace')
}

interface Scene {
  readonly product: Product
  /** Names that are not answered from now on. */
  readonly silent: Set<string>
  readonly connect: () => Promise<number>
  readonly get: (host: string) => Promise<RawResponse>
}

/** An upstream that is known by its name, in front of it the program. Names of silent.test are never answered. */
async function start(
  test: Test,
  configFor: (upstream: string) => readonly string[],
  options: Pick<ProductOptions, 'nodeOptions'> = {},
): Promise<Scene> {
  const upstream = await startScriptedUpstream(openProxy())
  test.teardown(() => upstream.close())
  const silent = new Set<string>()
  const server = await startNameServer(name => {
    if (name.endsWith('.silent.test') || silent.has(name)) return undefined
    return name.endsWith('.corp.test') ? '127.0.0.1' : ''
  })
  test.teardown(() => server.close())
  const address = `proxy.corp.test:${upstream.port}`
  const account = ['Username alice', 'Password x']
  const product = await startProduct({
    ...options,
    config: [...account, `Proxy ${address}`, ...configFor(address)],
  })
  test.teardown(() => product.stop())
  const ask = async (head: string): Promise<RawResponse> => {
    const client = await openClient(product.port)
    const answer = await client.request(head)
    client.destroy()
    return answer
  }
  return {
    product,
    silent,
    connect: async () => (await ask('CONNECT a.test:443 HTTP/1.1\nHost: a.test:443')).status,
    get: async host => ask(`GET http://${host}/ HTTP/1.1\nHost: ${host}`),
  }
}

/** What most scripts of companies begin with. */
function writePac(folder: string, upstream: string): string {
  const path = join(folder, 'proxy.pac')
  const script = `function FindProxyForURL(url, host) {
    var isOwn = isInNet(dnsResolve(host), '10.0.0.0', '255.0.0.0')
    return isOwn ? 'DIRECT' : 'PROXY ${upstream}'
  }`
  writeFileSync(path, script)
  return path
}

function inside(folder: string, way: string, nsswitch: string): void {
  t.test(`names that are not answered stop nobody but those who ask for them, ${way}`, async t => {
    writeFileSync(join(folder, 'nsswitch.conf'), `${nsswitch}\n`)
    const { connect, get, product, silent } = await start(t, () => [
      'NoProxy *.silent.test',
      'ConnectTimeout 5s',
    ])
    t.equal(await connect(), 200)
    const hosts = Array.from({ length: 20 }, (_, at) => `n${at}.silent.test`)
    let open = hosts.length
    const answers = hosts.map(async host => {
      const answer = await get(host)
      open--
      return answer
    })
    for (let round = 0; round < 5; round++) t.equal(await connect(), 200)
    t.ok(open > 0, 'names are waited for meanwhile')
    silent.add('proxy.corp.test')
    for (let round = 0; round < 5; round++) t.equal(await connect(), 200)
    for (const answer of await Promise.all(answers)) {
      t.match(answer, { status: 502, text: /DIAL_DNS/ })
      t.match(answer.text, /no answer from the name server within \d+ ms|did not answer, or could/)
    }
    t.equal(await connect(), 200, 'the name of the upstream is silent too')
    const down = product.log().filter(({ event }) => event?.startsWith('upstream.'))
    t.strictSame(down, [], 'and no upstream was marked down')
  })

  for (const [circumstances, options] of Object.entries(STARTS)) {
    t.test(
      `a Pac script and silent names: everybody is served, ${circumstances}, ${way}`,
      async t => {
        if (!(await hasQuickJs(t))) return
        const pac = (upstream: string): string[] => [`Pac ${writePac(folder, upstream)}`]
        const { get, product } = await start(t, pac, options)
        const hosts = Array.from({ length: 20 }, (_, at) => `n${at}.silent.test`)
        const answers = [...hosts, 'known.corp.test'].map(async host => (await get(host)).status)
        t.strictSame(new Set(await Promise.all(answers)), new Set([200]))
        const down = product.log().filter(({ event }) => event?.startsWith('upstream.'))
        t.strictSame(down, [])
      },
    )
  }
}
