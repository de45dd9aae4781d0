import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { type Borrower, borrowReads } from '../../../src/net/index.ts'
import { connectLending } from '../../../src/net/lending-socket.ts'
import { pattern } from '../../harness/byte-echo.ts'
import { socketPair } from '../../harness/socket-pair.ts'
import { WireEnd } from '../../harness/wire.ts'

type Test = Pick<typeof t, 'teardown'>

const MEBIBYTE = 1024 * 1024
const SEED = 20_251_125
/** Nothing is lent where the system reads ahead. */
const LENDS = process.platform !== 'win32'

async function openPair(test: Test): Promise<readonly [far: Socket, near: Socket]> {
  const pair = await socketPair(connectLending)
  for (const end of pair) test.teardown(() => end.destroy())
  return pair
}

/** Everything in the order in which it came, whether lent or not; what is lent is looked at when it is given back. */
class Collector {
  readonly #pieces: Buffer[] = []
  readonly #end: Promise<unknown>
  lent = 0

  constructor(near: Socket) {
    near.on('data', (piece: Buffer) => this.#pieces.push(piece))
    this.#end = new Promise(resolve => near.once('end', resolve))
  }

  /** Keeps the place of lent bytes. @returns what puts them there, before they are given back. */
  addLent(bytes: Buffer): () => void {
    this.lent++
    const at = this.#pieces.push(bytes) - 1
    return () => (this.#pieces[at] = Buffer.from(bytes))
  }

  async readToEnd(): Promise<Buffer> {
    await this.#end
    return Buffer.concat(this.#pieces)
  }
}

const sent = (length: number): Buffer => Buffer.concat([...pattern(length)])

t.test('nobody borrows: everything comes as data, in pieces that stay as they are', async t => {
  const [far, near] = await openPair(t)
  const collector = new Collector(near)
  far.end(sent(4 * MEBIBYTE))
  t.ok((await collector.readToEnd()).equals(sent(4 * MEBIBYTE)))
  t.equal(near.bytesRead, 4 * MEBIBYTE)
})

t.test('bulk data is lent, and its memory is used again', async t => {
  const [far, near] = await openPair(t)
  const collector = new Collector(near)
  const memories = new Set<ArrayBufferLike>()
  borrowReads(near, (bytes, giveBack) => {
    memories.add(bytes.buffer)
    collector.addLent(bytes)()
    giveBack()
    return true
  })
  far.end(sent(8 * MEBIBYTE))
  t.ok((await collector.readToEnd()).equals(sent(8 * MEBIBYTE)))
  t.equal(collector.lent > memories.size, LENDS)
  t.equal(memories.size, LENDS ? 1 : 0)
})

t.test('what is not given back stays as it is, also with other sockets at work', async t => {
  const pairs = await Promise.all([openPair(t), openPair(t), openPair(t)])
  const collectors = pairs.map(([, near]) => new Collector(near))
  for (const [i, [far, near]] of pairs.entries()) {
    borrowReads(near, bytes => {
      collectors[i]?.addLent(bytes)
      return true
    })
    far.end(sent((i + 2) * MEBIBYTE))
  }
  for (const [i, collector] of collectors.entries()) {
    t.ok((await collector.readToEnd()).equals(sent((i + 2) * MEBIBYTE)))
    t.equal(collector.lent > 0, LENDS)
  }
})

t.test('pieces that come one by one are not worth it', async t => {
  const [far, near] = await openPair(t)
  borrowReads(near, () => t.fail('lent'))
  for (let i = 0; i < 20; i++) {
    const piece = Buffer.alloc(10_000, i)
    far.write(piece)
    let received = Buffer.alloc(0)
    while (received.length < piece.length) {
      const more = await new Promise<Buffer>(resolve => near.once('data', resolve))
      received = Buffer.concat([received, more])
    }
    t.ok(received.equals(piece))
  }
})

t.test('who reads when it suits him gets all of it from the stream', async t => {
  const [far, near] = await openPair(t)
  borrowReads(near, () => t.fail('lent'))
  far.end(sent(4 * MEBIBYTE))
  const pieces: Buffer[] = []
  for await (const piece of near) pieces.push(piece as Buffer)
  t.ok(Buffer.concat(pieces).equals(sent(4 * MEBIBYTE)))
})

t.test('a stream that lends nothing is left as it is', async t => {
  const [near, far] = WireEnd.pair()
  borrowReads(near, () => t.fail('lent'))
  far.end('data')
  t.equal(String((await near.toArray())[0]), 'data')
})

type Deed = 'now' | 'late' | 'twice' | 'never' | 'refuse' | 'refuse late' | 'pause' | 'withdraw'

/** Does what it is told with each read, then the same again. */
function borrowerOf(deeds: readonly Deed[], near: Socket, collector: Collector): Borrower {
  let at = 0
  const borrow: Borrower = (bytes, giveBack) => {
    const deed = deeds[at++ % deeds.length]
    if (deed === 'refuse') return false
    if (deed === 'refuse late') {
      void turn().then(giveBack)
      return false
    }
    const put = collector.addLent(bytes)
    if (deed === 'never') return true
    const finish = (): void => {
      put()
      giveBack()
      if (deed === 'twice') giveBack()
      if (deed === 'pause') near.resume()
      if (deed === 'withdraw') borrowReads(near, borrow)
    }
    if (deed === 'pause') near.pause()
    if (deed === 'withdraw') borrowReads(near, undefined)
    if (deed === 'now' || deed === 'twice') finish()
    else void turn().then(finish)
    return true
  }
  return borrow
}

t.test('whatever the borrowers do, each byte comes once and in its place', async () => {
  const deeds = fc.array(
    fc.constantFrom<Deed>(
      ...(['now', 'late', 'twice', 'never', 'refuse', 'refuse late', 'pause', 'withdraw'] as const),
    ),
    { minLength: 1, maxLength: 8 },
  )
  const property = fc.asyncProperty(
    fc.array(fc.tuple(deeds, fc.integer({ min: 1, max: 6 * MEBIBYTE })), {
      minLength: 1,
      maxLength: 3,
    }),
    async sockets => {
      const runs = sockets.map(async ([todo, length]) => {
        const [far, near] = await socketPair(connectLending)
        const collector = new Collector(near)
        borrowReads(near, borrowerOf(todo, near, collector))
        far.end(sent(length))
        const received = await collector.readToEnd()
        for (const end of [far, near]) end.destroy()
        return received.equals(sent(length))
      })
      return (await Promise.all(runs)).every(Boolean)
    },
  )
  await fc.assert(property, { seed: SEED, numRuns: 30 })
})
