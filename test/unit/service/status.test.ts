import t from 'tap'
import { type Config, DEFAULTS } from '../../../src/config/index.ts'
import { type HostPort, Secret, systemClock, systemEntropy } from '../../../src/core/index.ts'
import { ORIGIN_NAME, startNtlmUpstream, startOrigin } from '../../../src/demo/index.ts'
import { createStatistics } from '../../../src/observe/index.ts'
import { buildCredentials, memoryGuardStore, Service } from '../../../src/service/index.ts'
import { startByteEcho } from '../../harness/byte-echo.ts'
import { openClient } from '../../harness/http-client.ts'

type Test = Pick<typeof t, 'teardown'>

const ALICE = { user: 'alice', domain: 'CORP', password: 'wonderland' }
const HELLO = `GET http://${ORIGIN_NAME}/hello?token=hunter2 HTTP/1.1\nHost: ${ORIGIN_NAME}`
const REFUSING: HostPort = { host: '127.0.0.1', port: 1 }

async function startWorld(test: Test, change: Partial<Config> = {}) {
  const origin = await startOrigin()
  const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
  test.teardown(() => Promise.all([upstream.close(), origin.close()]))
  const config: Config = {
    ...DEFAULTS,
    username: ALICE.user,
    domain: ALICE.domain,
    password: new Secret(ALICE.password),
    upstreams: [upstream.address],
    listeners: [
      {
        host: '127.0.0.1',
        port: 0,
        serves: { kind: 'http' },
        origin: { source: 'f', line: 1, column: 1 },
      },
    ],
    ...change,
  }
  const { credentials } = buildCredentials(config, 'host')
  const input = { config, credentials, configChangedAtMs: 0, file: '/etc/tsntlm.conf' }
  const statistics = createStatistics(systemClock)
  const service = new Service(input, {
    clock: systemClock,
    entropy: systemEntropy,
    emit: statistics.emit,
    statistics,
    program: { version: '1.2.3', pid: 42 },
    guardStore: memoryGuardStore(),
  })
  test.teardown(() => service.destroy())
  return { service, input, statistics, upstream }
}

async function get(service: Service): Promise<number> {
  const client = await openClient(service.addresses[0]?.port ?? 0)
  const { status } = await client.request(HELLO)
  client.destroy()
  return status
}

t.test('a service tells what it is and what it did', async t => {
  const { service, upstream } = await startWorld(t)
  t.match(service.status(), {
    version: '1.2.3',
    pid: 42,
    state: 'starting',
    configuration: { file: '/etc/tsntlm.conf', generation: 1, refused: undefined },
    account: { name: 'CORP\\alice', state: 'unproven', until: undefined },
  })
  await service.start()
  t.equal(await get(service), 200)
  const status = service.status()
  t.match(status, {
    state: 'serving',
    listeners: { bound: [{ serves: { kind: 'http' } }], waiting: [] },
    upstreams: [
      {
        label: `127.0.0.1:${upstream.address.port}`,
        namedBy: 'configuration',
        health: 'available',
        demand: 'always',
        scheme: 'NTLM',
        sessions: { idle: 1, busy: 0, connecting: 0, waiting: 0 },
        requests: 1,
        handshakes: { count: 1 },
      },
    ],
    account: { state: 'proven', text: 'the password was accepted' },
    totals: { requests: 1, tunnels: 0, failures: {} },
  })
  t.notMatch(JSON.stringify(status), /wonderland|hunter2/)
})

t.test('a status is plain data: it is the same after a way through JSON', async t => {
  const { service } = await startWorld(t)
  await service.start()
  await get(service)
  const status = service.status()
  t.same(JSON.parse(JSON.stringify(status)), JSON.parse(JSON.stringify({ ...status })))
  t.notMatch(JSON.stringify(status), /null/)
})

t.test('an upstream that is down tells why and until when', async t => {
  const { service } = await startWorld(t, { upstreams: [REFUSING] })
  await service.start()
  const before = systemClock.wallMs()
  t.equal(await get(service), 502)
  const [upstream] = service.status().upstreams
  t.match(upstream, { health: 'down', failuresInARow: 1, lastFailure: { code: 'DIAL_REFUSED' } })
  t.ok((upstream?.downUntil ?? 0) > before + 4_000)
  t.match(service.status(), {
    totals: { failures: { DIAL_REFUSED: 1 } },
    lastErrors: [{ code: 'DIAL_REFUSED' }],
  })
})

t.test('a rejected password tells until when it is kept back, and who rejected it', async t => {
  const { service, upstream } = await startWorld(t, { password: new Secret('wrong') })
  await service.start()
  const before = systemClock.wallMs()
  t.equal(await get(service), 502)
  const { account } = service.status()
  t.match(account, { state: 'rejected', by: `127.0.0.1:${upstream.address.port}` })
  t.ok((account?.until ?? 0) > before + 29 * 60_000)
  t.match(account?.text, /^the password was rejected by .* not sent again for 1[78]\d\d s/)
})

t.test('tunnels are listed with what went through them, requests apart from them', async t => {
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const { service } = await startWorld(t, { noProxy: ['127.0.0.1'] })
  await service.start()
  const client = await openClient(service.addresses[0]?.port ?? 0)
  t.teardown(() => client.destroy())
  const target = `127.0.0.1:${echo.port}`
  await client.request(`CONNECT ${target} HTTP/1.1\nHost: ${target}`)
  client.send('hello')
  await client.reader.readUntil('hello')
  const work = service.tunnels()
  t.match(work, [
    {
      kind: 'tunnel',
      client: /^127\.0\.0\.1:/,
      method: 'CONNECT',
      target: `127.0.0.1:${echo.port}`,
      route: 'direct',
      bytesIn: 5,
      bytesOut: 5,
    },
  ])
  t.ok((work[0]?.lastMovedAt ?? 0) >= (work[0]?.startedAt ?? 1))
  t.match(service.status(), { tunnelsOpen: 1, requestsInProgress: 0, totals: { tunnels: 0 } })
})

t.test('a refused reload is told until one is taken over; that has the next number', async t => {
  const { service, input, statistics } = await startWorld(t)
  await service.start()
  statistics.emit({ type: 'config.rejected', issues: ['f:1: wrong'] })
  t.match(service.status().configuration, {
    generation: 1,
    refused: { problems: ['f:1: wrong'] },
  })
  await service.reload(input)
  t.match(service.status().configuration, { generation: 2, refused: undefined })
  await service.drain('SIGTERM', 0)
  t.equal(service.status().state, 'draining')
})

t.test('an address that is not there yet is told with the reason', async t => {
  const origin = { source: 'f', line: 1, column: 1 }
  const listeners = [
    { host: '203.0.113.7', port: 3128, serves: { kind: 'socks5' }, origin },
  ] as const
  const { service } = await startWorld(t, { listeners })
  await service.start()
  t.match(service.status().listeners, {
    bound: [],
    waiting: [{ address: '203.0.113.7:3128', reason: /no such address/ }],
  })
})
