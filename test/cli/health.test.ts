import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startProduct, runProduct } from '../harness/product.ts'
import { freePort } from '../harness/real/port.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

async function health(test: Test, lines: readonly string[]) {
  const file = join(makeTempDir(test), 'tsntlm.conf')
  writeFileSync(file, ['NoProxy *', ...lines, ''].join('\n'), { mode: 0o600 })
  const { code, stdout, stderr } = await runProduct(['health', '--config', file])
  return { code, out: stdout.toString(), err: stderr }
}

async function listenWith(test: Test, answer: string | undefined): Promise<number> {
  const server: Server = createServer(socket => {
    socket.on('error', () => undefined)
    if (answer !== undefined) socket.end(answer)
    test.teardown(() => socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

t.test('health asks the running program and leaves no access line', async t => {
  const socks = await freePort()
  const product = await startProduct({ config: ['NoProxy *', `SOCKS5Proxy 127.0.0.1:${socks}`] })
  t.teardown(() => product.stop('SIGKILL'))
  for (const line of [`Listen 127.0.0.1:${product.port}`, `SOCKS5Proxy 127.0.0.1:${socks}`]) {
    const { code, out, err } = await health(t, [line])
    t.equal(code, 0, err)
    t.match(out, /^127\.0\.0\.1:\d+ answers\n$/)
  }
  const wildcard = await health(t, [`Listen *:${product.port}`, 'Allow 127.0.0.1', 'Deny *'])
  t.equal(wildcard.out, `127.0.0.1:${product.port} answers\n`)
  const events = product.log().map(({ event }) => event)
  t.notOk(events.includes('request.finished'), String(events))
})

t.test('one port that answers is enough', async t => {
  const product = await startProduct({ config: ['NoProxy *'] })
  t.teardown(() => product.stop('SIGKILL'))
  const dead = await freePort()
  const lines = [`Listen 127.0.0.1:${dead}`, `Listen 127.0.0.1:${product.port}`]
  const { code, out, err } = await health(t, lines)
  t.equal(code, 0)
  t.match(err, `127.0.0.1:${dead} (ECONNREFUSED)`)
  t.match(out, `127.0.0.1:${product.port} answers`)
})

t.test('health fails and says why', async t => {
  const silent = await listenWith(t, undefined)
  const foreign = await listenWith(t, 'SSH-2.0-x\r\n')
  const cases: [lines: string[], reason: string][] = [
    [[`Listen 127.0.0.1:${await freePort()}`], 'refused'],
    [[`Listen 127.0.0.1:${silent}`], 'takes connections and does not answer'],
    [[`Listen 127.0.0.1:${foreign}`], 'something else than tsntlm answers on'],
    [['Tunnel 127.0.0.1:9:host.test:22'], 'there is neither Listen nor SOCKS5Proxy'],
    [['Listen nowhere:70000'], 'Listen'],
  ]
  await Promise.all(
    cases.map(async ([lines, reason]) => {
      const { code, out, err } = await health(t, lines)
      t.equal(code, 1, reason)
      t.equal(out, '')
      t.match(err, reason)
    }),
  )
})

t.test('--proxy names the port to ask, and no configuration is read', async t => {
  const product = await startProduct({ config: ['NoProxy *', 'Deny *'] })
  t.teardown(() => product.stop('SIGKILL'))
  const ask = async (proxy: string) => {
    const { code, stdout, stderr } = await runProduct(['health', '--proxy', proxy])
    return { code, out: stdout.toString(), err: stderr }
  }
  const denied = await ask(`127.0.0.1:${product.port}`)
  t.equal(denied.code, 0)
  t.match(denied.out, 'answers; this client is denied by Allow and Deny')
  const bad = await ask('http://127.0.0.1:1')
  t.equal(bad.code, 1)
  t.match(bad.err, 'is not HOST:PORT')
})
