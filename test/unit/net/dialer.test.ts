import { getEventListeners } from 'node:events'
import { connect, createServer, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { ProxyError } from '../../../src/core/index.ts'
import {
  type DialOptions,
  HostNames,
  tcpDialer,
  type TcpDialerOptions,
} from '../../../src/net/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

type Test = Pick<typeof t, 'teardown'>

interface Server {
  readonly port: number
  readonly accepted: Socket[]
}

/** Listens on 127.0.0.1 alone, so that 127.0.0.2 refuses on the same port. */
async function startServer(test: Test, host = '127.0.0.1'): Promise<Server> {
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, socket => accepted.push(socket))
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  test.teardown(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  const address = server.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, accepted }
}

/** A loopback port where nobody listens. */
async function refusingPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/**
 * Makes 127.0.0.2 with this port a black hole: a listener that never accepts and whose queue is full, so that further
 * connections get no answer at all.
 */
async function startBlackHole(test: Test, port: number): Promise<void> {
  const code = `
    const { parentPort } = require('node:worker_threads')
    require('node:net').createServer().listen({ host: '127.0.0.2', port: ${port}, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(code, { eval: true })
  test.teardown(async () => void (await worker.terminate()))
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  for (let queued = 0; queued < 2; queued++) {
    const socket = connect(port, '127.0.0.2')
    socket.on('error', () => undefined)
    test.teardown(() => socket.destroy())
    await new Promise(resolve => socket.once('connect', resolve))
  }
}

interface DialerOptions extends Pick<TcpDialerOptions, 'staggerMs'> {
  /** Default: as the host resolves names. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

function dialerFor(test: Test, { resolve, ...options }: DialerOptions = {}) {
  const clock = new FakeClock()
  const names = resolve === undefined ? {} : { names: new HostNames({ clock, resolve }) }
  const dialer = tcpDialer({ clock, timeoutMs: 2_500, ...names, ...options })
  const dial = async (host: string, port: number, more: Partial<DialOptions> = {}) => {
    const signal = new AbortController().signal
    const stream = await dialer.dial({ host, port }, { signal, ...more })
    if (!(stream instanceof Socket)) throw new Error('no socket')
    test.teardown(() => stream.destroy())
    return stream
  }
  return { clock, dial }
}

const never = new Promise<never>(() => undefined)

t.test('an address is dialed as it is, a name by its addresses', async t => {
  const server = await startServer(t)
  const resolved: string[] = []
  const { clock, dial } = dialerFor(t, {
    resolve: async host => {
      resolved.push(host)
      return ['127.0.0.1']
    },
  })
  const byAddress = await dial('127.0.0.1', server.port)
  t.strictSame(resolved, [])
  const byName = await dial('proxy.test', server.port)
  await dial('proxy.test', server.port)
  t.strictSame(resolved, ['proxy.test', 'proxy.test'], 'anew each time')
  for (const socket of [byAddress, byName]) {
    t.equal(socket.remoteAddress, '127.0.0.1')
    t.equal(socket.allowHalfOpen, true, 'an end of one direction is not the end of the other')
  }
  t.equal(clock.pendingTimers, 0)
  const { dial: dialBySystem } = dialerFor(t, {})
  t.match(await dialBySystem('localhost', server.port), { remotePort: server.port })
})

t.test('when the first address refuses, the second serves', async t => {
  const server = await startServer(t)
  const { dial } = dialerFor(t, { resolve: async () => ['127.0.0.2', '127.0.0.3', '127.0.0.1'] })
  t.equal((await dial('proxy.test', server.port)).remoteAddress, '127.0.0.1')
})

t.test('a silent address is passed over, and the first connection wins', async t => {
  const server = await startServer(t)
  await startBlackHole(t, server.port)
  const resolve = async () => ['127.0.0.2', '127.0.0.1']
  const { clock, dial } = dialerFor(t, { resolve, staggerMs: 250 })
  const dialing = dial('proxy.test', server.port)
  await turn()
  clock.advance(249)
  await turn()
  t.equal(server.accepted.length, 0, 'the first one has a quarter of a second for itself')
  clock.advance(1)
  t.equal((await dialing).remoteAddress, '127.0.0.1')
})

t.test('the families take turns, so that one that is silent costs one delay', async t => {
  const server = await startServer(t, '::1')
  await startBlackHole(t, server.port)
  const { clock, dial } = dialerFor(t, { resolve: async () => ['127.0.0.2', '127.0.0.2', '::1'] })
  const dialing = dial('proxy.test', server.port)
  await turn()
  clock.advance(250)
  t.equal((await dialing).remoteAddress, '::1')
  t.equal(clock.pendingTimers, 0)
})

t.test(
  'an upstream is dialed at its last good address while its name server is silent',
  async t => {
    const server = await startServer(t)
    const { answers, clock, dial } = slowNames(t)
    const first = dial('proxy.test', server.port)
    answers.shift()!(['127.0.0.1'])
    await first
    const second = dial('proxy.test', server.port)
    await turn()
    clock.advance(300)
    t.equal((await second).remoteAddress, '127.0.0.1')
    t.match(await dial('proxy.test', server.port), { remoteAddress: '127.0.0.1' })
    t.equal(answers.length, 1, 'one look-up for both')
    t.equal(clock.pendingTimers, 0)

    const target = dial('proxy.test', server.port, { use: 'target' })
    clock.advance(2_500)
    await t.rejects(target, {
      code: 'DIAL_DNS',
      detail: 'proxy.test: no answer from the name server within 2500 ms',
    })
  },
)

t.test('a new address that comes late is tried beside the old one, which is silent', async t => {
  const server = await startServer(t)
  await startBlackHole(t, server.port)
  const { answers, clock, dial } = slowNames(t)
  const leaving = new AbortController()
  const first = dial('proxy.test', server.port, { signal: leaving.signal })
  answers.shift()!(['127.0.0.2'])
  await turn()
  leaving.abort()
  await t.rejects(first, { code: 'CLIENT_ABORTED' })

  const second = dial('proxy.test', server.port)
  await turn()
  clock.advance(300)
  await turn()
  clock.advance(250)
  answers.shift()!(['127.0.0.2', '127.0.0.1'])
  t.equal((await second).remoteAddress, '127.0.0.1')
  t.equal(clock.pendingTimers, 0)
})

t.test('the time for the addresses is told without that for the name', async t => {
  const server = await startServer(t)
  await startBlackHole(t, server.port)
  const { answers, clock, dial } = slowNames(t)
  const dialing = dial('proxy.test', server.port)
  clock.advance(2_000)
  answers.shift()!(['127.0.0.2'])
  await turn()
  clock.advance(500)
  await t.rejects(dialing, { code: 'DIAL_TIMEOUT', detail: /did not answer within 500 ms$/ })
})

t.test('a silent address alone ends in a time-out', async t => {
  const server = await startServer(t)
  await startBlackHole(t, server.port)
  const { clock, dial } = dialerFor(t, { resolve: async () => ['127.0.0.2'] })
  const dialing = dial('proxy.test', server.port)
  await turn()
  clock.advance(2_499)
  await turn()
  clock.advance(1)
  await t.rejects(dialing, {
    code: 'DIAL_TIMEOUT',
    detail: `proxy.test:${server.port} did not answer within 2500 ms`,
  })
})

t.test(
  'a silent and a refusing address: the refusal does not end the attempt at the other',
  async t => {
    const server = await startServer(t)
    await startBlackHole(t, server.port)
    const { clock, dial } = dialerFor(t, { resolve: async () => ['127.0.0.2', '127.0.0.3'] })
    const dialing = dial('proxy.test', server.port)
    await turn()
    clock.advance(250)
    await turn()
    await turn()
    clock.advance(2_250)
    await t.rejects(dialing, { code: 'DIAL_TIMEOUT' })
  },
)

t.test('when no address can be reached, the errors of all are there', async t => {
  const port = await refusingPort()
  const rows: [addresses: string[], code: string, systemCodes: RegExp][] = [
    [['127.0.0.1'], 'DIAL_REFUSED', /^proxy\.test:\d+ \(ECONNREFUSED\)$/],
    [['127.0.0.1', '127.0.0.2'], 'DIAL_REFUSED', /\(ECONNREFUSED, ECONNREFUSED\)$/],
    // No connection can be made to a multicast address.
    [['224.0.0.1'], 'DIAL_UNREACHABLE', /\(E[A-Z]+\)$/],
    [['224.0.0.1', '127.0.0.1'], 'DIAL_REFUSED', /\(E[A-Z]+, ECONNREFUSED\)$/],
  ]
  for (const [addresses, code, detail] of rows) {
    const { dial } = dialerFor(t, { resolve: async () => addresses })
    const error = await dial('proxy.test', port).catch((thrown: unknown) => thrown as ProxyError)
    t.match(error, { name: 'ProxyError', code, detail }, addresses.join())
    t.equal(((error as ProxyError).cause as AggregateError).errors.length, addresses.length)
  }
  const { dial } = dialerFor(t)
  await t.rejects(dial('127.0.0.1', port), { code: 'DIAL_REFUSED', detail: /^127\.0\.0\.1:/ })
})

t.test('a name without an address', async t => {
  const cause = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
  const failing = dialerFor(t, { resolve: () => Promise.reject(cause) })
  const detail = 'proxy.test has no address that this host can find'
  await t.rejects(failing.dial('proxy.test', 80), { code: 'DIAL_DNS', detail, cause })
  t.equal(failing.clock.pendingTimers, 0)
  const empty = dialerFor(t, { resolve: async () => [] })
  await t.rejects(empty.dial('proxy.test', 80), { code: 'DIAL_DNS' })
})

t.test('what may not be reached is decided on the address, not on the name', async t => {
  const server = await startServer(t)
  const asked: string[] = []
  const permits = (address: string): boolean => {
    asked.push(address)
    return address !== '127.0.0.1'
  }
  const { dial } = dialerFor(t, { resolve: async () => ['127.0.0.1'] })
  await t.rejects(dial('innocent.test', server.port, { permits }), {
    code: 'ROUTE_DENIED',
    detail: /^innocent\.test:/,
  })
  await t.rejects(dial('127.0.0.1', server.port, { permits }), { code: 'ROUTE_DENIED' })
  t.strictSame(asked, ['127.0.0.1', '127.0.0.1'])
  const mixed = dialerFor(t, { resolve: async () => ['127.0.0.1', '127.0.0.2'] })
  await t.rejects(mixed.dial('mixed.test', server.port, { permits }), { code: 'DIAL_REFUSED' })
  t.equal(server.accepted.length, 0)
  t.ok(await mixed.dial('mixed.test', server.port, { permits: () => true }))
})

t.test('a resolver that never answers is given up', async t => {
  const { clock, dial } = dialerFor(t, { resolve: () => never })
  const dialing = dial('proxy.test', 8080)
  clock.advance(2_500)
  await t.rejects(dialing, {
    code: 'DIAL_DNS',
    detail: 'proxy.test: no answer from the name server within 2500 ms',
  })

  const abort = new AbortController()
  const aborted = dial('proxy.test', 8080, { signal: abort.signal })
  abort.abort()
  await t.rejects(aborted, { code: 'CLIENT_ABORTED' })
  t.equal(clock.pendingTimers, 0)
  t.equal(getEventListeners(abort.signal, 'abort').length, 0)
})

t.test('an answer of the resolver that comes too late connects nowhere', async t => {
  const server = await startServer(t)
  const answers: ((addresses: string[]) => void)[] = []
  const resolve = () => new Promise<string[]>(done => answers.push(done))
  const { clock, dial } = dialerFor(t, { resolve })
  const dialing = dial('proxy.test', server.port)
  clock.advance(2_500)
  await t.rejects(dialing, { code: 'DIAL_DNS' })
  answers[0]!(['127.0.0.1'])
  await turn()
  // The next connection would be accepted behind the late one.
  const next = dial('proxy.test', server.port)
  answers[1]!(['127.0.0.1'])
  const { localPort } = await next
  await t.resolves(until(() => server.accepted.length > 0))
  t.strictSame(
    server.accepted.map(({ remotePort }) => remotePort),
    [localPort],
  )
})

t.test('who goes away ends the dial, before it and in the middle of it', async t => {
  const server = await startServer(t)
  await startBlackHole(t, server.port)
  const { clock, dial } = dialerFor(t, { resolve: async () => ['127.0.0.2'] })
  const early = dial('127.0.0.1', server.port, { signal: AbortSignal.abort() })
  await t.rejects(early, { code: 'CLIENT_ABORTED' })
  const abort = new AbortController()
  const dialing = dial('proxy.test', server.port, { signal: abort.signal })
  await turn()
  abort.abort()
  await t.rejects(dialing, { code: 'CLIENT_ABORTED' })
  clock.advance(10_000)
  t.equal(clock.pendingTimers, 0)
  t.equal(server.accepted.length, 0)
})

/** A dialer whose look-ups the test answers, in their order. */
function slowNames(test: Test) {
  const answers: ((addresses: string[]) => void)[] = []
  const resolve = () => new Promise<string[]>(done => answers.push(done))
  return { answers, ...dialerFor(test, { resolve }) }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}
