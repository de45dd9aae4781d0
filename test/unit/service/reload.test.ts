import { createServer } from 'node:net'
import t from 'tap'
import { type Config, DEFAULTS } from '../../../src/config/index.ts'
import { Secret, systemClock, systemEntropy } from '../../../src/core/index.ts'
import {
  type NtlmUpstream,
  type Origin,
  ORIGIN_NAME,
  startNtlmUpstream,
  startOrigin,
} from '../../../src/demo/index.ts'
import { buildCredentials, memoryGuardStore, Service } from '../../../src/service/index.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { connectTunnel, openClient } from '../../harness/http-client.ts'
import { startByteEcho } from '../../harness/byte-echo.ts'
import { until } from '../../harness/real/until.ts'

type Test = Pick<typeof t, 'teardown'>

const ALICE = { user: 'alice', domain: 'CORP', password: 'wonderland' }
const HELLO = `GET http://${ORIGIN_NAME}/hello HTTP/1.1\nHost: ${ORIGIN_NAME}`

async function startWorld(test: Test): Promise<{ origin: Origin; upstream: NtlmUpstream }> {
  const origin = await startOrigin()
  const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
  test.teardown(() => Promise.all([upstream.close(), origin.close()]))
  return { origin, upstream }
}

function configWith(upstream: NtlmUpstream, change: Partial<Config> = {}): Config {
  return {
    ...DEFAULTS,
    username: ALICE.user,
    domain: ALICE.domain,
    password: new Secret(ALICE.password),
    upstreams: [upstream.address],
    listeners: [listener(0)],
    ...change,
  }
}

function listener(port: number, serves: Config['listeners'][number]['serves'] = { kind: 'http' }) {
  return { host: '127.0.0.1', port, serves, origin: { source: 'test', line: 1, column: 1 } }
}

function inputOf(config: Config, configChangedAtMs = 0) {
  return { config, credentials: buildCredentials(config, 'host').credentials, configChangedAtMs }
}

async function startService(test: Test, config: Config) {
  const recorder = new EventRecorder()
  const ports = {
    clock: systemClock,
    entropy: systemEntropy,
    emit: recorder.emit,
    guardStore: memoryGuardStore(),
  }
  const service = new Service(inputOf(config), ports)
  test.teardown(() => service.destroy())
  await service.start()
  return { service, recorder, port: service.addresses[0]?.port ?? 0 }
}

async function get(port: number): Promise<number> {
  const client = await openClient(port)
  const { status } = await client.request(HELLO)
  client.destroy()
  return status
}

t.test(
  'a reload without a change keeps port, sessions and the verdict on the password',
  async t => {
    const { upstream } = await startWorld(t)
    const config = configWith(upstream)
    const { service, recorder, port } = await startService(t, config)
    t.equal(await get(port), 200)
    const { type3s } = upstream.counters
    for (let round = 0; round < 20; round++) {
      await service.reload(inputOf(config, round))
      t.equal(await get(port), 200)
    }
    t.equal(upstream.counters.type3s, type3s)
    t.equal(recorder.count('listener.bound'), 1)
    t.equal(recorder.count('config.loaded'), 20)
  },
)

t.test(
  'a kept client connection goes by the new configuration from its next request on',
  async t => {
    const { upstream } = await startWorld(t)
    const config = configWith(upstream)
    const { service, port } = await startService(t, config)
    const client = await openClient(port)
    t.match(await client.request(HELLO), { status: 200 })
    await service.reload(inputOf({ ...config, upstreams: [] }))
    t.match(await client.request(HELLO), { status: 503 })
    await service.reload(inputOf(config))
    t.match(await client.request(HELLO), { status: 200 })
    client.destroy()
  },
)

t.test('spares stay over a reload, and a new Warm holds at once', async t => {
  const { upstream } = await startWorld(t)
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const config = configWith(upstream)
  const { service, recorder, port } = await startService(t, config)
  const open = async (): Promise<void> => {
    const { socket } = await connectTunnel(port, `127.0.0.1:${echo.port}`)
    socket.destroy()
  }
  await open()
  await until('a spare', () => (recorder.count('session.warmed') === 1 ? true : undefined))
  const { type3s } = upstream.counters
  await service.reload(inputOf({ ...config, warm: 'off' }))
  await open()
  t.equal(upstream.counters.type3s, type3s, 'the spare carried it, and no other is made')
  await open()
  t.equal(upstream.counters.type3s, type3s + 1)
  t.equal(recorder.count('session.warmed'), 1)
})

t.test('tunnels and requests that run outlive a reload, whatever it changes', async t => {
  const { upstream } = await startWorld(t)
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const config = configWith(upstream)
  const { service, port } = await startService(t, config)
  const tunnel = await connectTunnel(port, `127.0.0.1:${echo.port}`)
  const changed = { ...config, maxSessions: 7, upstreams: [], noProxy: ['*'] }
  await service.reload(inputOf(changed))
  tunnel.socket.end('still there')
  const echoed = await tunnel.socket.toArray()
  t.equal(Buffer.concat(echoed).toString(), 'still there')
  tunnel.socket.destroy()
})

t.test('new ports are bound, old ones closed, and a port may change what it serves', async t => {
  const { upstream } = await startWorld(t)
  const config = configWith(upstream)
  const { service, recorder, port } = await startService(t, config)
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  await t.rejects(service.reload(inputOf({ ...config, listeners: [listener(taken)] })), {
    code: 'CONFIG',
    detail: /in use/,
  })
  t.equal(await get(port), 200, 'everything is as before')
  await new Promise(resolve => probe.close(resolve))
  await service.reload(inputOf({ ...config, listeners: [listener(taken)] }))
  t.same(
    service.addresses.map(each => each.port),
    [taken],
  )
  t.equal(await get(taken), 200)
  await t.rejects(openClient(port), { code: 'ECONNREFUSED' })
  t.equal(recorder.count('listener.closed'), 1)
  await service.reload(inputOf({ ...config, listeners: [listener(taken, { kind: 'socks5' })] }))
  const socks = await openClient(taken)
  socks.send(Buffer.of(5, 1, 0))
  t.same([...(await socks.reader.readBytes(2))], [5, 0])
  socks.destroy()
})

t.test('a changed password starts anew, the same rejected one does not', async t => {
  const { upstream } = await startWorld(t)
  const right = configWith(upstream)
  const wrong = { ...right, password: new Secret('wrong') }
  const { service, port } = await startService(t, wrong)
  t.equal(await get(port), 502)
  t.equal(upstream.counters.type3s, 1)
  await service.reload(inputOf(wrong))
  t.equal(await get(port), 502)
  t.equal(upstream.counters.type3s, 1, 'it stays rejected')
  await service.reload(inputOf(right, Date.now() + 1))
  t.equal(await get(port), 200)
  t.equal(upstream.counters.type3s, 2)
})

t.test('a thousand reloads under load lose no request and leave nothing behind', async t => {
  const { upstream } = await startWorld(t)
  const config = configWith(upstream)
  const { service, port } = await startService(t, config)
  const variants = [config, { ...config, maxSessions: 100 }, { ...config, connectTimeoutMs: 3_000 }]
  let isOver = false
  const failed: string[] = []
  let served = 0
  const work = Array.from({ length: 16 }, async () => {
    const client = await openClient(port)
    while (!isOver) {
      const { status, text } = await client.request(HELLO)
      if (status !== 200) failed.push(text)
      served++
    }
    client.destroy()
  })
  for (let round = 0; round < 1_000; round++) {
    await service.reload(inputOf(variants[round % 3] ?? config, round))
    if (round % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  isOver = true
  await Promise.all(work)
  t.same(failed, [])
  t.ok(served > 0)
})

t.test('an account that was left out for a while is no new one', async t => {
  const { upstream } = await startWorld(t)
  const config = configWith(upstream, { password: new Secret('wrong') })
  const { service, port } = await startService(t, config)
  t.equal(await get(port), 502)
  t.equal(upstream.counters.type3s, 1)
  const { listeners } = config
  const without = { ...DEFAULTS, noProxy: ['*'], listeners }
  await service.reload({ config: without, credentials: undefined, configChangedAtMs: 0 })
  t.equal(service.status().account, undefined)
  await service.reload(inputOf(config))
  t.equal(service.status().account?.state, 'rejected')
  t.equal(await get(port), 502)
  t.equal(upstream.counters.type3s, 1)
})
