import { connect } from 'node:net'
import t from 'tap'
import { DEFAULTS, type ListenAddress, type SocksUser } from '../../src/config/index.ts'
import { Secret } from '../../src/core/index.ts'
import { ORIGIN_NAME, startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { pattern, startByteEcho } from '../harness/byte-echo.ts'
import { ALICE } from '../harness/playbook.ts'
import { program, skipUnless } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'
import { startProxy } from '../harness/running-proxy.ts'
import { SocketReader } from '../harness/socket-reader.ts'

type Test = Pick<typeof t, 'teardown'>

const listenFor = (serves: ListenAddress['serves']): ListenAddress => ({
  host: '127.0.0.1',
  port: 0,
  serves,
  origin: { source: 'test', line: 1, column: 1 },
})

/** The proxy with one port, in front of an upstream that demands NTLM. */
async function start(
  test: Test,
  serves: ListenAddress['serves'],
  socksUsers: readonly SocksUser[] = DEFAULTS.socksUsers,
) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
  test.teardown(() => upstream.close())
  const config = { listeners: [listenFor(serves)], socksUsers }
  return startProxy(test, { upstreams: [upstream.address.port], config })
}

t.test('a fixed tunnel keeps every byte and the half-close', async t => {
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const target = { host: '127.0.0.1', port: echo.port }
  const { port, recorder } = await start(t, { kind: 'tunnel', target })
  const whole = Buffer.concat([...pattern(4 * 1024 * 1024)])
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  const back = new SocketReader(socket).readToEnd()
  socket.end(whole)
  t.ok((await back).equals(whole))
  const { record } = await recorder.waitFor('request.finished')
  t.match(record, { method: 'FORWARD', bytesIn: whole.length, bytesOut: whole.length })
})

t.test('curl as a SOCKS5 client', async t => {
  if (!skipUnless(t, ['curl'])) return
  const curl = (...args: readonly string[]) => run(program('curl'), ['-sS', '-m', '20', ...args])
  const url = `http://${ORIGIN_NAME}/hello`

  const open = await start(t, { kind: 'socks5' })
  const proxy = ['--socks5-hostname', `127.0.0.1:${open.port}`]
  const page = await curl(...proxy, url)
  t.match(page, { code: 0, stderr: '' })
  t.equal(page.stdout.toString(), 'Hello from the origin\n')
  const { record } = await open.recorder.waitFor('request.finished')
  t.match(record, { method: 'SOCKS', target: `${ORIGIN_NAME}:80`, route: 'upstream', status: 200 })
  const asHttp = await curl('-x', `http://127.0.0.1:${open.port}`, url)
  t.match(asHttp.stdout.toString(), /This port speaks SOCKS5, not HTTP/)

  const users = [{ user: 'bob', password: new Secret('b:1') }]
  const closed = await start(t, { kind: 'socks5' }, users)
  const asked = ['--socks5-hostname', `127.0.0.1:${closed.port}`, url]
  t.match(await curl('--proxy-user', 'bob:b:1', ...asked), { code: 0 })
  t.match(await curl('--proxy-user', 'bob:wrong', ...asked), { code: 97, stderr: /SOCKS5/ })
  t.match(await curl(...asked), { code: 97 })
  t.equal(closed.recorder.count('client.malformed'), 2)
})
