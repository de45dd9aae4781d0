import { type AddressInfo, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { ListenAddress, Served } from '../../../src/config/index.ts'
import { formatHostPort } from '../../../src/core/index.ts'
import type { Interface } from '../../../src/net/index.ts'
import { Listeners } from '../../../src/service/listeners.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { openClient } from '../../harness/http-client.ts'
import { freePort } from '../../harness/real/port.ts'

type Test = Pick<typeof t, 'teardown'>

/** No host has it (TEST-NET-2, RFC 5737). */
const NOWHERE = '198.51.100.1'

const listenOn = (
  host: string,
  port: number,
  serves: Served = { kind: 'http' },
): ListenAddress => ({
  host,
  port,
  serves,
  origin: { source: 'test', line: 1, column: 1 },
})

/** Interfaces whose addresses are all on loopback, so that they can be bound and nothing is changed on the host. */
function makeListeners(test: Test) {
  const clock = new FakeClock()
  const recorder = new EventRecorder()
  const host = { interfaces: [] as Interface[], mayAccept: true }
  const listeners = new Listeners({
    clock,
    emit: recorder.emit,
    startsPaused: false,
    receptionFor: ({ kind }) => ({
      requestsInProgress: 0,
      workInProgress: [],
      accept: socket => {
        socket.on('error', () => undefined)
        socket.once('data', () => socket.end(kind))
      },
      drain: async () => undefined,
      destroy: () => 0,
    }),
    readInterfaces: () => host.interfaces,
    mayAccept: () => host.mayAccept,
  })
  test.teardown(() => listeners.close())
  const has = (name: string, ...addresses: string[]): void => {
    host.interfaces = [
      ...host.interfaces.filter(each => each.name !== name),
      { name, addresses: addresses.map(address => ({ address, prefixLength: 8 })) },
    ]
  }
  const lose = (name: string): void => {
    host.interfaces = host.interfaces.filter(each => each.name !== name)
  }
  /** Lets the next look happen, and everything that comes of it. */
  const look = async (): Promise<void> => {
    clock.advance(2_000)
    while (clock.pendingTimers === 0) await turn()
  }
  const told = (): string[] =>
    recorder.events.splice(0).map(event => {
      const { type } = event
      return `${type.replace('listener.', '')} ${'address' in event ? event.address : ''}`
    })
  return { clock, recorder, host, listeners, has, lose, look, told }
}

const open = (listeners: Listeners): string[] => listeners.addresses.map(formatHostPort)

async function serves(port: number, host: string): Promise<string> {
  const client = await openClient(port, host)
  client.send('?')
  const bytes = await client.reader.readToEnd()
  client.destroy()
  return bytes.toString()
}

t.test(
  'an interface that is not there yet is waited for, followed and waited for again',
  async t => {
    const { listeners, has, lose, look, told } = makeListeners(t)
    const port = await freePort()
    await listeners.start([listenOn('docker0', port)])
    t.strictSame(told(), [`waiting docker0:${port}`])
    t.strictSame([open(listeners), listeners.waiting], [[], [`docker0:${port}`]])
    await look()
    t.strictSame(told(), [], 'said once')
    has('docker0', '127.0.0.5')
    await look()
    t.strictSame(told(), [`bound 127.0.0.5:${port}`])
    t.strictSame([open(listeners), listeners.waiting], [[`127.0.0.5:${port}`], []])
    t.equal(await serves(port, '127.0.0.5'), 'http')
    await t.rejects(openClient(port, '127.0.0.1'), { code: 'ECONNREFUSED' }, 'another address')
    has('docker0', '127.0.0.6', 'fe80::1')
    await look()
    t.strictSame(told(), [`closed 127.0.0.5:${port}`, `bound 127.0.0.6:${port}`])
    await t.rejects(openClient(port, '127.0.0.5'), { code: 'ECONNREFUSED' })
    lose('docker0')
    await look()
    t.strictSame(told(), [`closed 127.0.0.6:${port}`, `waiting docker0:${port}`])
    has('docker0', '127.0.0.6')
    await look()
    t.strictSame(told(), [`bound 127.0.0.6:${port}`])
  },
)

t.test('docker is all bridges of Docker, each address once', async t => {
  const { listeners, has, lose, look, told } = makeListeners(t)
  const port = await freePort()
  has('docker0', '127.0.0.5')
  has('br-0123456789ab', '127.0.0.6')
  has('br-lan', '127.0.0.7')
  await listeners.start([listenOn('docker0', port), listenOn('docker', port, { kind: 'socks5' })])
  t.strictSame(told(), [`bound 127.0.0.5:${port}`, `bound 127.0.0.6:${port}`])
  t.equal(await serves(port, '127.0.0.5'), 'http', 'the first line counts')
  t.equal(await serves(port, '127.0.0.6'), 'socks5')
  has('br-ba9876543210', '127.0.0.8')
  lose('br-0123456789ab')
  await look()
  t.strictSame(told(), [`closed 127.0.0.6:${port}`, `bound 127.0.0.8:${port}`])
})

t.test('an address that the host does not have is waited for', async t => {
  const { listeners, look, told } = makeListeners(t)
  await listeners.start([listenOn(NOWHERE, 3128)])
  t.strictSame(told(), [`waiting ${NOWHERE}:3128`])
  await look()
  await look()
  t.strictSame(told(), [])
  t.strictSame(listeners.waiting, [`${NOWHERE}:3128`])
})

t.test('connections outlive the address that they came by', async t => {
  const { listeners, has, lose, look } = makeListeners(t)
  const port = await freePort()
  has('docker0', '127.0.0.5')
  await listeners.start([listenOn('docker0', port)])
  const client = await openClient(port, '127.0.0.5')
  lose('docker0')
  await look()
  t.strictSame(open(listeners), [])
  client.send('?')
  t.equal((await client.reader.readToEnd()).toString(), 'http')
  client.destroy()
})

t.test(
  'a name that is an interface at the start stays one, a later one does not become it',
  async t => {
    const { listeners, has, lose, look, told } = makeListeners(t)
    const port = await freePort()
    has('wan', '127.0.0.5')
    await listeners.start([listenOn('wan', port), listenOn('localhost', port)])
    const local = open(listeners)[1] ?? ''
    told()
    lose('wan')
    has('localhost', '127.0.0.9')
    await look()
    t.strictSame(told(), [`closed 127.0.0.5:${port}`, `waiting wan:${port}`])
    t.strictSame(open(listeners), [local])
  },
)

async function occupy(
  test: Test,
  host: string,
): Promise<{ port: number; leave: () => Promise<void> }> {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, host, resolve))
  test.teardown(() => other.close())
  return {
    port: (other.address() as AddressInfo).port,
    leave: () => new Promise(resolve => other.close(() => resolve())),
  }
}

t.test('an address of an interface that is in use fails once and is tried again', async t => {
  const { listeners, has, look, told } = makeListeners(t)
  const { port, leave } = await occupy(t, '127.0.0.5')
  await listeners.start([listenOn('docker0', port)])
  told()
  has('docker0', '127.0.0.5')
  await look()
  await look()
  t.strictSame(told(), [`failed 127.0.0.5:${port}`])
  await leave()
  await look()
  t.strictSame(told(), [`bound 127.0.0.5:${port}`])
})

t.test('where all addresses are in use it does not start', async t => {
  const { listeners, clock, has, told } = makeListeners(t)
  const { port } = await occupy(t, '127.0.0.5')
  has('docker0', '127.0.0.5')
  await t.rejects(listeners.start([listenOn('docker0', port)]), { code: 'CONFIG' })
  t.strictSame(told(), [`failed 127.0.0.5:${port}`])
  t.equal(clock.pendingTimers, 0)
})

t.test('without interfaces and with everything bound nothing is looked at', async t => {
  const { listeners, clock } = makeListeners(t)
  await listeners.start([listenOn('127.0.0.1', await freePort())])
  t.equal(clock.pendingTimers, 0)
})

t.test('a change waits for addresses too, and gives up those that are not wanted', async t => {
  const { listeners, clock, told } = makeListeners(t)
  const [port, other] = [await freePort(), await freePort()]
  await listeners.start([listenOn('127.0.0.1', port), listenOn('docker0', port)])
  told()
  await listeners.change([
    listenOn('docker0', port),
    listenOn(NOWHERE, other),
    listenOn('127.0.0.1', port),
  ])
  t.strictSame(told(), [`waiting ${NOWHERE}:${other}`])
  t.equal(clock.pendingTimers, 1)
  told()
  await listeners.change([listenOn('127.0.0.1', port)])
  t.strictSame(told(), [])
  t.strictSame([listeners.waiting, clock.pendingTimers], [[], 0])
})

t.test(
  'a configuration that starts can be taken over: a busy port is told of, the others serve',
  async t => {
    const { listeners, clock, told } = makeListeners(t)
    const [port, other] = [await freePort(), await freePort()]
    const { port: taken, leave } = await occupy(t, '127.0.0.1')
    const asked = [listenOn('127.0.0.1', port), listenOn('127.0.0.1', taken)]
    await listeners.start(asked)
    t.strictSame(told(), [`bound 127.0.0.1:${port}`, `failed 127.0.0.1:${taken}`])
    t.match(await listeners.change(asked), [/^cannot listen on 127\.0\.0\.1:\d+: .*in use/])
    t.strictSame(told(), [`failed 127.0.0.1:${taken}`], 'also of the very same configuration')
    await listeners.change([listenOn('127.0.0.1', taken), listenOn('127.0.0.1', other)])
    t.strictSame(told(), [
      `closed 127.0.0.1:${port}`,
      `bound 127.0.0.1:${other}`,
      `failed 127.0.0.1:${taken}`,
    ])
    await leave()
    t.strictSame(await listeners.change(asked), [], 'each change tries it again')
    t.strictSame(open(listeners).sort(), [`127.0.0.1:${port}`, `127.0.0.1:${taken}`].sort())
    t.equal(clock.pendingTimers, 0)
  },
)

t.test(
  'a change that would leave nothing to listen on is refused, and nothing is told of ports that stayed as they were',
  async t => {
    const { listeners, told } = makeListeners(t)
    const port = await freePort()
    const { port: taken } = await occupy(t, '127.0.0.1')
    await listeners.start([listenOn('127.0.0.1', port), listenOn(NOWHERE, port)])
    told()
    const refused = listeners.change([listenOn('127.0.0.1', taken)])
    const detail = new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${taken}: .*in use`)
    await t.rejects(refused, { code: 'CONFIG', detail })
    t.strictSame(told(), [])
    t.strictSame(open(listeners), [`127.0.0.1:${port}`], 'as before')
    t.strictSame(listeners.waiting, [`${NOWHERE}:${port}`])
  },
)

t.test('an address gives way to one that includes it, and the other way round', async t => {
  const { listeners, told } = makeListeners(t)
  const port = await freePort()
  await listeners.start([listenOn('127.0.0.1', port)])
  const held = await openClient(port, '127.0.0.1')
  t.teardown(() => held.destroy())
  told()
  await listeners.change([listenOn('0.0.0.0', port, { kind: 'socks5' })])
  t.strictSame(told(), [`closed 127.0.0.1:${port}`, `bound 0.0.0.0:${port}`])
  t.equal(await serves(port, '127.0.0.7'), 'socks5')
  await listeners.change([listenOn('127.0.0.1', port), listenOn('127.0.0.2', port)])
  t.strictSame(told(), [
    `closed 0.0.0.0:${port}`,
    `bound 127.0.0.1:${port}`,
    `bound 127.0.0.2:${port}`,
  ])
  held.send('?')
  t.equal((await held.reader.readToEnd()).toString(), 'http', 'connections go on')
})

t.test(
  'an address that gave way comes back when the change fails, as if nothing had been',
  async t => {
    const { listeners, told } = makeListeners(t)
    const { port } = await occupy(t, '127.0.0.2')
    await listeners.start([listenOn('127.0.0.1', port)])
    told()
    const refused = listeners.change([listenOn('0.0.0.0', port)])
    await t.rejects(refused, { code: 'CONFIG' })
    t.strictSame(told(), [])
    t.strictSame(open(listeners), [`127.0.0.1:${port}`])
    t.equal(await serves(port, '127.0.0.1'), 'http')
  },
)

t.test('a connection that is lost for want of descriptors is told of, each one', async t => {
  const { host, listeners, recorder } = makeListeners(t)
  const port = await freePort()
  await listeners.start([listenOn('127.0.0.1', port)])
  recorder.events.splice(0)
  host.mayAccept = false
  for (let n = 0; n < 3; n++) {
    const client = await openClient(port)
    t.ok(await client.reader.closed())
  }
  t.match(recorder.events, Array(3).fill({ type: 'client.refused', limit: 'descriptors' }))
  t.match(recorder.events, [{ client: /^127\.0\.0\.1:\d+$/ }, {}, {}])
  host.mayAccept = true
  t.equal(await serves(port, '127.0.0.1'), 'http')
})

t.test('after the close nothing is bound any more', async t => {
  const { listeners, clock, has, told } = makeListeners(t)
  const port = await freePort()
  await listeners.start([listenOn('docker0', port)])
  told()
  has('docker0', '127.0.0.5')
  clock.advance(2_000)
  listeners.close()
  for (let turns = 0; turns < 20; turns++) await turn()
  t.strictSame(told(), [])
  t.equal(clock.pendingTimers, 0)
  await t.rejects(openClient(port, '127.0.0.5'), { code: 'ECONNREFUSED' })
})
