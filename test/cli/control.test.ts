import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { openClient } from '../harness/http-client.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { type Test, tsntlm } from './program.ts'

const ACCOUNT = { user: 'testuser', domain: 'corp-uk', password: 'Geheim-1' }

/** The program in front of an upstream that verifies, with a control socket of its own. */
async function start(test: Test, password: string) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const upstream = await startNtlmUpstream({ accounts: [ACCOUNT], resolve: origin.resolve })
  test.teardown(() => upstream.close())
  const product = await startProduct({
    config: [
      `Username ${ACCOUNT.user}`,
      `Domain ${ACCOUNT.domain}`,
      `Password ${password}`,
      `Proxy 127.0.0.1:${upstream.address.port}`,
      `ControlSocket ${join(makeTempDir(test), 'run/c.sock')}`,
    ],
  })
  test.teardown(() => product.stop('SIGKILL'))
  const ask = async (...args: string[]) => {
    const { code, out, stderr } = await tsntlm([...args, '-c', product.config])
    return { code, out, err: stderr }
  }
  return { upstream, product, ask }
}

async function get({ port }: Product): Promise<number> {
  const client = await openClient(port)
  try {
    const head = 'GET http://origin.demo.test/hello HTTP/1.1\nHost: origin.demo.test'
    return (await client.request(head)).status
  } finally {
    client.destroy()
  }
}

function edit({ config }: Product, pattern: RegExp, line: string): void {
  writeFileSync(config, readFileSync(config, 'utf8').replace(pattern, line))
  // The kernel's own time of a change may be some milliseconds old, and the change must be younger than a rejection just seen.
  const soon = Date.now() / 1000 + 0.05
  utimesSync(config, soon, soon)
}

t.test('a running tsntlm tells how it is, takes a reload and ends', async t => {
  const { product, ask } = await start(t, ACCOUNT.password)
  t.equal(await get(product), 200)
  const status = await ask('status')
  t.match(status, { code: 0, err: '' })
  t.match(status.out, /^account +corp-uk\\testuser: proven; /m)
  t.match(status.out, /^finished +1 requests, 0 of them tunnels; 1 through upstreams/m)
  const json: unknown = JSON.parse((await ask('status', '--json')).out)
  t.match(json, { pid: product.pid, state: 'serving', configuration: { generation: 1 } })
  t.match(await ask('tunnels'), { code: 0, out: /^no tunnel is open/ })
  t.match(await ask('log-level', 'debug'), { code: 0, out: 'debug\n' })
  t.match(await ask('log-level'), { code: 0, out: 'debug\n' })
  t.match(await ask('log-level', 'loud'), { code: 1, err: /there is no log level "loud"/ })

  edit(product, /^Proxy .*$/m, 'Proxy nowhere:99999\nLogFormat text\nWorkers 2')
  const refused = await ask('reload')
  t.match(refused, { code: 1, out: '' })
  t.match(refused.err, /cntlm\.conf:4:\d+: error: Proxy: port must be 1-65535, got "99999"/)
  t.match(refused.err, /number 1 stays in use/)
  t.equal(await get(product), 200, 'the old one serves on')
  edit(product, /^Proxy nowhere.*\n/m, 'NoProxy *\n')
  const taken = await ask('reload')
  t.match(taken, { code: 0, out: 'configuration number 2 is in use\n' })
  t.match(taken.err, /Workers has changed: that takes effect at the next start/)
  t.notMatch(taken.err, /LogFormat/)

  edit(product, /^LogFormat text\nWorkers 2$/m, 'ShutdownGrace 7s')
  t.match(await ask('reload'), { code: 0, out: 'configuration number 3 is in use\n' })
  const drained = await ask('drain', '--wait')
  t.match(drained, { code: 0, out: /have 7 s to finish\nit has ended\n$/ })
  t.match(await ask('status'), { code: 1, out: '', err: /Is tsntlm running/ })
  t.equal(await product.stop(), 0)
})

t.test('unlock lets a rejected password be sent once more, and only once', async t => {
  const { upstream, product, ask } = await start(t, 'Wrong-1')
  for (let request = 0; request < 3; request++) t.equal(await get(product), 502)
  t.equal(upstream.counters.type3s, 1)
  const status = await ask('status')
  t.match(status, { code: 3, out: /^account +corp-uk\\testuser: rejected until /m })
  t.match(await ask('unlock'), { code: 0, out: /sends the password of corp-uk\\testuser once/ })
  for (let request = 0; request < 3; request++) t.equal(await get(product), 502)
  t.equal(upstream.counters.type3s, 2)
  t.notMatch(
    product.log().map(line => JSON.stringify(line)),
    /Wrong-1/,
  )
})

t.test('a corrected password is sent at once, and after too many it needs an unlock', async t => {
  const { upstream, product, ask } = await start(t, 'Wrong-1')
  t.equal(await get(product), 502)
  t.match(await ask('reload'), { code: 0, out: /testuser: password unchanged, refused until / })
  t.equal(await get(product), 502)
  t.equal(upstream.counters.type3s, 1)
  for (const attempt of [2, 3, 4]) {
    edit(product, /Wrong-\d/, `Wrong-${attempt}`)
    t.match(await ask('reload'), { code: 0, out: /new password, the next request will try it/ })
    t.equal(await get(product), 502)
    t.equal(upstream.counters.type3s, attempt)
  }
  edit(product, /Wrong-4/, ACCOUNT.password)
  t.match(await ask('reload'), { code: 0, out: /refused until .*tsntlm unlock/ })
  t.equal(await get(product), 502, 'the budget, and two beyond it')
  t.equal(upstream.counters.type3s, 4)
  t.match(await ask('unlock'), { code: 0, out: /sends the password of/ })
  t.equal(await get(product), 200)
  t.equal(upstream.counters.type3s, 5)
  t.ok(product.log().some(({ event }) => event === 'guard.reloaded'))
})

t.test('a corrected password brings service back at once', async t => {
  const { upstream, product, ask } = await start(t, 'Wrong-1')
  t.equal(await get(product), 502)
  edit(product, /Wrong-1/, ACCOUNT.password)
  t.match(await ask('reload'), { code: 0, out: /new password, the next request will try it/ })
  t.equal(await get(product), 200)
  t.equal(upstream.counters.type3s, 2)
})
