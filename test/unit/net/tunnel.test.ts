import { createHash } from 'node:crypto'
import { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Tunnel, type TunnelEnd, type TunnelResult } from '../../../src/net/index.ts'
import { connectLending } from '../../../src/net/lending-socket.ts'
import { pattern } from '../../harness/byte-echo.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { type Pair, socketPair } from '../../harness/socket-pair.ts'
import { SocketReader } from '../../harness/socket-reader.ts'
import { WireEnd } from '../../harness/wire.ts'

type Test = Pick<typeof t, 'teardown'>
const TRANSPORTS: Record<string, () => Pair<Duplex> | Promise<Pair<Duplex>>> = {
  'node:stream duplexPair': () => duplexPair({ allowHalfOpen: true }),
  'wires that break as TCP does': () => WireEnd.pair(),
  'accepted sockets': async () => {
    const [far, near] = await socketPair()
    return [near, far]
  },
  'sockets whose reads are borrowed': () => socketPair(connectLending),
}

interface Relay {
  readonly clock: FakeClock
  readonly tunnel: Tunnel
  /** The far ends: what the client and the upstream hold in their hands. */
  readonly client: Duplex
  readonly upstream: Duplex
  /** The ends that the tunnel holds. */
  readonly near: readonly [client: Duplex, upstream: Duplex]
}

async function startRelay(
  test: Test,
  makePair: () => Pair<Duplex> | Promise<Pair<Duplex>> = () => WireEnd.pair(),
  idleMs = 0,
): Promise<Relay> {
  const clock = new FakeClock()
  const [client, nearClient] = await makePair()
  const [upstream, nearUpstream] = await makePair()
  for (const end of [client, upstream]) {
    end.on('error', () => undefined)
    test.teardown(() => end.destroy())
  }
  const tunnel = new Tunnel(nearClient, nearUpstream, { clock, idleMs })
  test.teardown(() => tunnel.destroy('shutdown'))
  return { clock, tunnel, client, upstream, near: [nearClient, nearUpstream] }
}

async function isOver(tunnel: Tunnel): Promise<boolean> {
  const pending = Symbol('pending')
  for (let turns = 0; turns < 5; turns++) await turn()
  return (await Promise.race([tunnel.done, Promise.resolve(pending)])) !== pending
}

const MEBIBYTE = 1024 * 1024

/** Sends as much as is taken, then ends. */
async function pour(stream: Duplex, length: number): Promise<string> {
  const hash = createHash('sha256')
  for (const piece of pattern(length)) {
    hash.update(piece)
    if (!stream.write(piece)) await new Promise(resolve => stream.once('drain', resolve))
  }
  stream.end()
  return hash.digest('hex')
}

/** Reads one piece a turn of the event loop; the other direction is left alone. */
async function sip(stream: Duplex): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    hash.update(piece as Buffer)
    await turn()
  }
  return hash.digest('hex')
}

for (const [name, makePair] of Object.entries(TRANSPORTS)) {
  t.test(`over ${name}`, async t => {
    t.test('the end of one direction is passed on, the other one lives on', async t => {
      for (const asker of ['client', 'upstream'] as const) {
        const { tunnel, client, upstream } = await startRelay(t, makePair)
        const [first, second] = asker === 'client' ? [client, upstream] : [upstream, client]
        const [answers, questions] = [new SocketReader(first), new SocketReader(second)]
        first.end('question')
        t.equal((await questions.readToEnd()).toString(), 'question', `from the ${asker}`)
        t.notOk(await isOver(tunnel))
        second.write('late ')
        t.equal((await answers.readBytes(5)).toString(), 'late ')
        second.end('answer')
        t.equal((await answers.readToEnd()).toString(), 'answer')
        const { bytesFromClient, bytesFromUpstream, end } = await tunnel.done
        t.equal(end, 'closed')
        const counts = asker === 'client' ? [8, 11] : [11, 8]
        t.strictSame([bytesFromClient, bytesFromUpstream], counts)
      }
    })

    t.test('20 MiB go both ways at once to slow readers, each byte in its place', async t => {
      const length = 20 * MEBIBYTE
      const { tunnel, client, upstream } = await startRelay(t, makePair)
      const [up, down, ...received] = await Promise.all([
        pour(client, length),
        pour(upstream, length),
        sip(upstream),
        sip(client),
      ])
      t.strictSame(received, [up, down])
      const expected: TunnelResult = {
        end: 'closed',
        bytesFromClient: length,
        bytesFromUpstream: length,
      }
      t.strictSame(await tunnel.done, expected)
    })

    t.test('nothing at all may pass in either direction', async t => {
      const { tunnel, client, upstream } = await startRelay(t, makePair)
      client.resume().end()
      upstream.resume().end()
      const expected: TunnelResult = { end: 'closed', bytesFromClient: 0, bytesFromUpstream: 0 }
      t.strictSame(await tunnel.done, expected)
    })

    t.test('destroyed, it breaks off both sides', async t => {
      const { tunnel, client, upstream, near } = await startRelay(t, makePair)
      const readers = [new SocketReader(client), new SocketReader(upstream)] as const
      client.write('abc')
      await readers[1].readBytes(3)
      tunnel.destroy('shutdown')
      tunnel.destroy('idle')
      const expected: TunnelResult = { end: 'shutdown', bytesFromClient: 3, bytesFromUpstream: 0 }
      t.strictSame(await tunnel.done, expected)
      t.strictSame(
        near.map(({ destroyed }) => destroyed),
        [true, true],
      )
      if (!(client instanceof Socket) && !(client instanceof WireEnd)) return
      for (const reader of readers) t.equal(await reader.closed(), 'reset')
    })
  })
}

t.test('a side that does not read stops the other one', async t => {
  const { client, upstream, tunnel } = await startRelay(t)
  let taken = 0
  const piece = Buffer.alloc(16 * 1024)
  while (taken < MEBIBYTE) {
    taken += piece.length
    if (upstream.write(piece)) continue
    const drained = await Promise.race([
      new Promise(resolve => upstream.once('drain', () => resolve(true))),
      isOver(tunnel),
    ])
    if (drained === false) break
  }
  t.ok(taken < MEBIBYTE, `${taken} bytes were taken`)
  client.write('the other direction is free')
  t.match((await new SocketReader(upstream).readBytes(27)).toString(), 'free')
  const received = new SocketReader(client)
  await received.readBytes(taken)
})

/** Ends that can be reset. */
type Breakable = Duplex & { resetAndDestroy(): unknown }
const BREAKABLE: Record<string, () => Pair<Breakable> | Promise<Pair<Breakable>>> = {
  'wires that break as TCP does': () => WireEnd.pair(),
  'accepted sockets': async () => {
    const [far, near] = await socketPair()
    return [near, far]
  },
  'sockets whose reads are borrowed': () => socketPair(connectLending),
}

for (const [name, makePair] of Object.entries(BREAKABLE)) {
  t.test(`over ${name}, a reset is passed on as such, with what came before it`, async t => {
    for (const broken of ['client', 'upstream'] as const) {
      for (const otherEnds of [false, true]) {
        const { tunnel, client, upstream } = await startRelay(t, makePair)
        const [from, to] = broken === 'client' ? [client, upstream] : [upstream, client]
        const received = new SocketReader(to)
        if (otherEnds) {
          to.end()
          await new SocketReader(from).readToEnd()
        }
        await new Promise(resolve => from.write('last words', resolve))
        if (from instanceof WireEnd) await turn()
        ;(from as Breakable).resetAndDestroy()
        t.equal((await received.readBytes(10)).toString(), 'last words')
        t.equal(await received.closed(), 'reset', `of the ${broken}, ${String(otherEnds)}`)
        const { bytesFromClient, bytesFromUpstream, end } = await tunnel.done
        // A client that was given everything is not said to have failed.
        t.equal(end, broken === 'client' && otherEnds ? 'closed' : `${broken}-error`)
        t.equal(bytesFromClient + bytesFromUpstream, 10)
      }
    }
  })
}

t.test('an upstream that resets after its end does not take the answer with it', async t => {
  const { client, upstream, tunnel } = await startRelay(t)
  // The client does not read yet: its end takes three pieces, the tunnel holds the last one with the end.
  for (const length of [8_000, 8_000, 8_000, 5_000]) {
    await new Promise(resolve => upstream.write(Buffer.alloc(length), resolve))
  }
  upstream.end()
  client.write('upload')
  await new SocketReader(upstream).readBytes(6)
  for (let turns = 0; turns < 10; turns++) await turn()
  if (upstream instanceof WireEnd) upstream.resetAndDestroy()
  await turn()
  const received = new SocketReader(client)
  t.equal((await received.readToEnd()).length, 29_000)
  client.end()
  t.match(await tunnel.done, { end: 'upstream-error', bytesFromUpstream: 29_000 })
})

/** What the one that resets does after the end of the other one. */
const FAREWELLS: [
  name: string,
  by: 'client' | 'upstream',
  says: string,
  ends: boolean,
  TunnelEnd,
][] = [
  ['an upstream that says nothing more', 'upstream', '', false, 'closed'],
  ['one that has not said all', 'upstream', 'more', false, 'upstream-error'],
  ['one that has said all', 'upstream', 'more', true, 'closed'],
  ['a client that has got all', 'client', 'close notify', false, 'closed'],
]

t.test(
  'a reset after the end of the other side is a failure where something is missing',
  async t => {
    for (const [name, by, says, ends, end] of FAREWELLS) {
      const { client, upstream, tunnel, near } = await startRelay(t)
      const [breaking, other] = by === 'client' ? [client, upstream] : [upstream, client]
      const [atBreaking, atOther] = [new SocketReader(breaking), new SocketReader(other)]
      other.end('last words')
      await atBreaking.readToEnd()
      if (says !== '') {
        breaking.write(says)
        await atOther.readBytes(says.length)
      }
      if (ends) {
        breaking.end()
        await atOther.readToEnd()
      }
      if (breaking instanceof WireEnd) breaking.resetAndDestroy()
      t.match(await tunnel.done, { end }, name)
      t.ok(near.every(({ destroyed }) => destroyed))
    }
  },
)

t.test('a side that never reads its last bytes is reset after one minute', async t => {
  const { client, clock, upstream, tunnel } = await startRelay(t)
  upstream.write(Buffer.alloc(100_000))
  for (let turns = 0; turns < 10; turns++) await turn()
  if (upstream instanceof WireEnd) upstream.resetAndDestroy()
  t.notOk(await isOver(tunnel))
  clock.advance(59_999)
  t.notOk(await isOver(tunnel))
  clock.advance(1)
  t.match(await tunnel.done, { end: 'upstream-error' })
  t.match(client.errored, { code: 'ECONNRESET' })
  t.equal(clock.pendingTimers, 0)
})

t.test('a tunnel without traffic is ended after its time, and not before', async t => {
  const { client, clock, upstream, tunnel } = await startRelay(t, () => WireEnd.pair(), 10_000)
  const [atClient, atUpstream] = [new SocketReader(client), new SocketReader(upstream)]
  for (let i = 0; i < 3; i++) {
    clock.advance(9_999)
    client.write('x')
    await atUpstream.readBytes(1)
    clock.advance(9_999)
    upstream.write('y')
    await atClient.readBytes(1)
  }
  clock.advance(9_999)
  t.notOk(await isOver(tunnel))
  clock.advance(1)
  const expected: TunnelResult = { end: 'idle', bytesFromClient: 3, bytesFromUpstream: 3 }
  t.strictSame(await tunnel.done, expected)
  t.equal(clock.pendingTimers, 0)
})

t.test('without an idle limit it stays, and leaves no timer behind', async t => {
  const { client, clock, upstream, tunnel } = await startRelay(t)
  clock.advance(1000 * 24 * 3600_000)
  t.notOk(await isOver(tunnel))
  client.resume().end()
  upstream.resume().end()
  t.match(await tunnel.done, { end: 'closed' })
  t.equal(clock.pendingTimers, 0)
})

t.test('a side that is gone before the tunnel begins breaks it off', async t => {
  for (const gone of [0, 1]) {
    const clock = new FakeClock()
    const [client, nearClient] = WireEnd.pair()
    const [upstream, nearUpstream] = WireEnd.pair()
    const near = [nearClient, nearUpstream]
    near[gone]?.destroy()
    await turn()
    const { done } = new Tunnel(nearClient, nearUpstream, { clock, idleMs: 1000 })
    const other = gone === 0 ? upstream : client
    t.equal(await new SocketReader(other).closed(), 'reset')
    const expected: TunnelResult = { end: 'closed', bytesFromClient: 0, bytesFromUpstream: 0 }
    t.strictSame(await done, expected)
    t.equal(clock.pendingTimers, 0)
  }
})

t.test('a side that ended before the tunnel begins has ended it in its direction', async t => {
  const [client, nearClient] = await socketPair()
  const [upstream, nearUpstream] = await socketPair()
  const ended = new Promise(resolve => nearClient.once('end', resolve))
  client.end()
  await ended
  const { done } = new Tunnel(nearClient, nearUpstream, { clock: new FakeClock(), idleMs: 0 })
  t.equal((await new SocketReader(upstream).readToEnd()).length, 0)
  upstream.end('late')
  t.equal((await new SocketReader(client).readToEnd()).toString(), 'late')
  t.match(await done, { end: 'closed', bytesFromUpstream: 4 })
})
