import { type AddressInfo, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { type Config, DEFAULTS } from '../../../src/config/index.ts'
import { formatHostPort, Secret, systemEntropy } from '../../../src/core/index.ts'
import {
  type NtlmUpstream,
  type Origin,
  ORIGIN_NAME,
  startNtlmUpstream,
  startOrigin,
} from '../../../src/demo/index.ts'
import { buildCredentials, memoryGuardStore, Service } from '../../../src/service/index.ts'
import { startByteEcho } from '../../harness/byte-echo.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { startHeldOrigin } from '../../harness/real/held-origin.ts'
import { UNKNOWN_NAME } from '../../harness/unknown-name.ts'
import { openClient, type RawClient, type RawResponse } from '../../harness/http-client.ts'

type Test = Pick<typeof t, 'teardown'>

const ACCOUNT = { user: 'alice', domain: 'CORP', password: 'wonderland' }
const HELLO = `GET http://${ORIGIN_NAME}/hello HTTP/1.1\nHost: ${ORIGIN_NAME}`
type ListenAddress = Config['listeners'][number]

const listenOn = (
  host: string,
  port = 0,
  serves: ListenAddress['serves'] = { kind: 'http' },
): ListenAddress => ({
  host,
  port,
  serves,
  origin: { source: 'test', line: 1, column: 1 },
})

/** An upstream that demands NTLM. */
async function startUpstream(test: Test, resolve?: Origin['resolve']): Promise<NtlmUpstream> {
  const accounts = [ACCOUNT]
  const upstream = await startNtlmUpstream({ accounts, ...(resolve && { resolve }) })
  test.teardown(() => upstream.close())
  return upstream
}

interface HeldRequest {
  readonly answer: Promise<RawResponse>
  readonly release: () => void
}

/** Sends a request and waits until it has arrived at an origin, which answers when it is told to. */
async function sendHeld(test: Test, client: RawClient): Promise<HeldRequest> {
  const origin = await startHeldOrigin()
  test.teardown(() => origin.stop())
  const authority = `127.0.0.1:${origin.port}`
  const answer = client.request(`GET http://${authority}/ HTTP/1.1\nHost: ${authority}`)
  answer.catch(() => undefined)
  await until(() => origin.arrived.length > 0)
  return { answer, release: () => origin.release() }
}

function makeService(test: Test, clock: FakeClock, change: Partial<Config>) {
  const recorder = new EventRecorder()
  const config: Config = {
    ...DEFAULTS,
    username: `${ACCOUNT.domain}\\${ACCOUNT.user}`,
    password: new Secret(ACCOUNT.password),
    listeners: [listenOn('127.0.0.1')],
    ...change,
  }
  const hasUpstream = config.upstreams.length > 0
  const credentials = hasUpstream ? buildCredentials(config, 'host').credentials : undefined
  const ports = {
    clock,
    entropy: systemEntropy,
    emit: recorder.emit,
    guardStore: memoryGuardStore(),
  }
  const service = new Service({ config, credentials, configChangedAtMs: 0 }, ports)
  test.teardown(() => service.destroy())
  return { recorder, service }
}

async function startService(test: Test, clock: FakeClock, change: Partial<Config>) {
  const { recorder, service } = makeService(test, clock, change)
  await service.start()
  const port = service.addresses[0]?.port ?? 0
  const open = async (): Promise<RawClient> => {
    const client = await openClient(port)
    test.teardown(() => client.destroy())
    return client
  }
  const openTunnel = async (target: string): Promise<RawClient> => {
    const client = await open()
    const { status, head } = await client.request(`CONNECT ${target} HTTP/1.1\nHost: ${target}`)
    if (status !== 200) throw new Error(head)
    return client
  }
  return { recorder, service, port, open, openTunnel }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}

/** What a drain has come to so far. */
async function stateOf(drained: Promise<number>): Promise<number | 'pending'> {
  for (let turns = 0; turns < 5; turns++) await turn()
  return Promise.race([drained, Promise.resolve('pending' as const)])
}

t.test('GET and CONNECT through an upstream that demands NTLM', async t => {
  const clock = new FakeClock()
  const origin = await startOrigin()
  t.teardown(() => origin.close())
  const upstream = await startUpstream(t, origin.resolve)
  const { recorder, service, port, open, openTunnel } = await startService(t, clock, {
    upstreams: [upstream.address],
  })
  const address = `127.0.0.1:${port}`
  t.match(recorder.events, [
    { type: 'listener.bound', address },
    {
      type: 'service.started',
      listeners: [address],
      upstreams: [formatHostPort(upstream.address)],
    },
  ])
  const client = await open()
  t.match(await client.request(HELLO), { status: 200, text: 'Hello from the origin\n' })
  const tunnel = await openTunnel(`${ORIGIN_NAME}:80`)
  tunnel.send('GET /hello HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n')
  t.match((await tunnel.reader.readToEnd()).toString(), /^HTTP\/1\.1 200 OK\r\n/)
  tunnel.socket.end()
  await recorder.waitFor('request.finished')
  t.match(await recorder.waitFor('request.finished'), {
    record: { method: 'CONNECT', status: 200, route: 'upstream', termination: '--' },
  })
  t.equal(upstream.counters.accepted, upstream.counters.type3s, 'no logon failed')
  t.equal(recorder.count('bug'), 0)
  t.equal(await service.drain('SIGTERM', 1000), 0)
})

t.test('without an upstream it needs no account', async t => {
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const { recorder, openTunnel } = await startService(t, new FakeClock(), {
    noProxy: ['*'],
    username: '',
  })
  const tunnel = await openTunnel(`127.0.0.1:${echo.port}`)
  tunnel.socket.end('there and back')
  t.equal((await tunnel.reader.readToEnd()).toString(), 'there and back')
  t.match(await recorder.waitFor('request.finished'), { record: { route: 'direct', bytesOut: 14 } })
})

t.test('an address that cannot be bound is reported, and the others serve', async t => {
  const occupied = createServer()
  await new Promise<void>(resolve => occupied.listen(0, '127.0.0.1', resolve))
  t.teardown(() => occupied.close())
  const { port } = occupied.address() as AddressInfo
  const cases: [bad: Config['listeners'][number], reason: RegExp][] = [
    [listenOn('127.0.0.1', port), /in use.*\(EADDRINUSE\)$/],
    [listenOn(UNKNOWN_NAME, 3128), /\(ENOTFOUND\)$/],
  ]
  for (const [bad, reason] of cases) {
    const good = listenOn('127.0.0.1')
    const { recorder, service } = await startService(t, new FakeClock(), { listeners: [bad, good] })
    const [bound] = service.addresses
    t.equal(service.addresses.length, 1)
    t.match(recorder.events, [
      { type: 'listener.failed', address: formatHostPort(bad), reason },
      { type: 'listener.bound' },
      { type: 'service.started', listeners: [formatHostPort(bound ?? bad)], upstreams: [] },
    ])
    const client = await openClient(bound?.port ?? 0)
    client.destroy()

    const none = makeService(t, new FakeClock(), { listeners: [bad] })
    await t.rejects(none.service.start(), {
      code: 'CONFIG',
      detail: 'no address could be listened on',
    })
    t.match(none.recorder.events, [{ type: 'listener.failed', reason }])
    t.equal(none.recorder.events.length, 1)
  }
})

t.test('drained: idle connections are closed, no new ones taken', async t => {
  const { recorder, service, port, open } = await startService(t, new FakeClock(), {})
  const idle = await open()
  const used = await open()
  await used.request('GET /status HTTP/1.1\nHost: a.test')
  t.equal(await service.drain('SIGINT', 30_000), 0)
  t.equal(await idle.reader.closed(), 'end')
  t.equal(await used.reader.closed(), 'end')
  await t.rejects(openClient(port), { code: 'ECONNREFUSED' })
  t.match(recorder.events.slice(-2), [
    { type: 'service.draining', signal: 'SIGINT', requests: 0, graceMs: 30_000 },
    { type: 'service.stopped', aborted: 0 },
  ])
})

t.test('drained: a request in progress is finished first', async t => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const { recorder, service, open } = await startService(t, clock, {
    upstreams: [upstream.address],
  })
  const client = await open()
  const idle = await open()
  const { answer, release } = await sendHeld(t, client)
  const drained = service.drain('SIGTERM', 30_000)
  t.equal(await idle.reader.closed(), 'end')
  t.equal(await stateOf(drained), 'pending')
  release()
  t.match(await answer, { status: 200, text: 'released\n' })
  t.equal(await client.reader.closed(), 'end', 'the connection is not kept')
  t.equal(await drained, 0)
  t.match(recorder.all('service.draining'), [{ signal: 'SIGTERM', requests: 1, graceMs: 30_000 }])
  t.match(recorder.all('service.stopped'), [{ aborted: 0 }])
  t.match(recorder.all('request.finished'), [{ record: { status: 200, termination: '--' } }])
})

t.test('drained: what is not done when the grace is over is cut off', async t => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const { recorder, service, open, openTunnel } = await startService(t, clock, {
    upstreams: [upstream.address],
  })
  const tunnel = await openTunnel(`127.0.0.1:${echo.port}`)
  tunnel.send('before')
  t.equal((await tunnel.reader.readBytes(6)).toString(), 'before')
  const client = await open()
  await sendHeld(t, client)

  const drained = service.drain('SIGTERM', 5_000)
  clock.advance(4_999)
  t.equal(await stateOf(drained), 'pending')
  tunnel.send('still')
  t.equal((await tunnel.reader.readBytes(5)).toString(), 'still', 'the tunnel works until then')
  clock.advance(1)
  t.equal(await drained, 2)
  await tunnel.reader.closed()
  await client.reader.closed()
  t.match(recorder.all('service.stopped'), [{ aborted: 2 }])
  t.match(
    recorder
      .all('request.finished')
      .map(({ record }) => [record.method, record.termination, record.error])
      .sort(),
    [
      ['CONNECT', 'KD', 'DRAINING'],
      ['GET', /^K/, 'DRAINING'],
    ],
  )
  await until(() => echo.accepted[0]?.destroyed === true)
})

t.test('ports of every kind serve at once, and a drain waits for all of them', async t => {
  const clock = new FakeClock()
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const target = { host: '127.0.0.1', port: echo.port }
  const { recorder, service, openTunnel } = await startService(t, clock, {
    noProxy: ['*'],
    listeners: [
      listenOn('127.0.0.1'),
      listenOn('127.0.0.1', 0, { kind: 'tunnel', target }),
      listenOn('127.0.0.1', 0, { kind: 'socks5' }),
    ],
  })
  const [, fixed, socks] = service.addresses.map(({ port }) => port)
  const clients = [
    await openTunnel(formatHostPort(target)),
    await openClient(fixed ?? 0),
    await openClient(socks ?? 0),
  ]
  const port = Buffer.from([echo.port >> 8, echo.port & 0xff])
  clients[2]?.send(Buffer.concat([Buffer.from('05010005010001' + '7f000001', 'hex'), port]))
  await clients[2]?.reader.readBytes(12)
  for (const client of clients) {
    client.send('hello')
    t.equal((await client.reader.readBytes(5)).toString(), 'hello')
  }
  const drained = service.drain('SIGTERM', 5_000)
  t.match(recorder.all('service.draining'), [{ requests: 3 }])
  for (const client of clients) {
    t.equal(await stateOf(drained), 'pending')
    client.socket.end()
    await client.reader.readToEnd()
  }
  t.equal(await drained, 0)
  const methods = recorder.all('request.finished').map(({ record }) => record.method)
  t.strictSame(methods, ['CONNECT', 'FORWARD', 'SOCKS'])
})

t.test('destroyed, it ends everything at once and says how much that was', async t => {
  const clock = new FakeClock()
  const upstream = await startUpstream(t)
  const { service, port, open } = await startService(t, clock, { upstreams: [upstream.address] })
  const client = await open()
  await sendHeld(t, client)
  t.equal(service.destroy(), 1)
  await client.reader.closed()
  await t.rejects(openClient(port), { code: 'ECONNREFUSED' })
})
