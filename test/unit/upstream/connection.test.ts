import { once } from 'node:events'
import { Readable } from 'node:stream'
import t from 'tap'
import type { RequestHead } from '../../../src/http1/index.ts'
import { connectLending } from '../../../src/net/lending-socket.ts'
import { UpstreamConnection } from '../../../src/upstream/connection.ts'
import type { BodySink, Exchange } from '../../../src/upstream/exchange.ts'
import { StreamBody } from '../../../src/upstream/request-body.ts'
import { pattern } from '../../harness/byte-echo.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { socketPair } from '../../harness/socket-pair.ts'
import { WireEnd } from '../../harness/wire.ts'

const GET: RequestHead = { method: 'GET', target: 'http://a/', headers: ['Host', 'a'] }
const POST: RequestHead = { method: 'POST', target: 'http://a/', headers: ['Host', 'a'] }
const NEVER = new AbortController().signal

function start() {
  const clock = new FakeClock()
  const [near, far] = WireEnd.pair()
  far.on('error', () => undefined)
  const connection = new UpstreamConnection(near, clock)
  const reasons: string[] = []
  connection.onClosed = reason => reasons.push(reason)
  const send = (head = GET, body?: StreamBody, signal = NEVER) =>
    connection.send(head, body, { timeoutMs: 1_000, signal })
  return { clock, near, far, connection, reasons, send }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function read(exchange: Exchange): Promise<string> {
  let text = ''
  await exchange.relayTo({
    write: chunk => {
      text += chunk.toString()
      return true
    },
    onDrain: () => undefined,
  })
  return text
}

t.test('one exchange follows the other, each whole', async t => {
  const { far, send, connection } = start()
  for (const text of ['one', 'two', 'three']) {
    const answer = send()
    t.notOk(connection.isIdle)
    far.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
    const exchange = await answer
    t.equal(await read(exchange), text)
    t.ok(exchange.isReusable)
    t.ok(connection.isIdle)
  }
})

t.test('a request is never sent on a connection that is closed or busy', async t => {
  const { send, connection } = start()
  void send().catch(() => undefined)
  await t.rejects(send(), { code: 'UPSTREAM_CLOSED' })
  connection.destroy()
  await t.rejects(send(), { code: 'UPSTREAM_CLOSED' })
})

t.test('every way an answer can fail to come has its code', async t => {
  const cases: [
    RegExp | string,
    (far: WireEnd, clock: FakeClock, abort: () => void) => void,
    RegExp,
  ][] = [
    ['UPSTREAM_CLOSED', far => far.end(), /nothing was received/],
    ['UPSTREAM_CLOSED', far => far.end('HTTP/1.1 200'), /header was cut off/],
    ['UPSTREAM_CLOSED', far => far.resetAndDestroy(), /ECONNRESET/],
    ['UPSTREAM_PROTOCOL', far => far.write('HTTP/2 200\r\n\r\n'), /status line/],
    [
      'UPSTREAM_HEADER_LIMIT',
      far => far.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}`),
      /bytes/,
    ],
    ['UPSTREAM_TIMEOUT', (_far, clock) => clock.advance(1_001), /1000 ms/],
    ['CLIENT_ABORTED', (_far, _clock, abort) => abort(), /client/],
  ]
  for (const [code, act, message] of cases) {
    const { clock, far, near, send, connection, reasons } = start()
    const abort = new AbortController()
    const answer = send(GET, undefined, abort.signal)
    act(far, clock, () => abort.abort())
    await t.rejects(answer, { code, message })
    t.ok(connection.isClosed)
    t.ok(near.destroyed)
    t.equal(reasons.length, 1, 'its owner is told once')
    t.equal(clock.pendingTimers, 0)
  }
})

t.test('an aborted call sends nothing', async t => {
  const { far, send } = start()
  const abort = new AbortController()
  abort.abort()
  await t.rejects(send(GET, undefined, abort.signal), { code: 'CLIENT_ABORTED' })
  t.equal(far.bytesRead, 0)
})

t.test('whether a connection can be used again is told by its answer', async t => {
  const answers: [boolean, string][] = [
    [true, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'],
    [true, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'],
    [true, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    [true, 'HTTP/1.0 200 OK\r\nProxy-Connection: keep-alive\r\nContent-Length: 0\r\n\r\n'],
    [false, 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    [false, 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
    [false, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy'],
  ]
  for (const [isReusable, bytes] of answers) {
    const { far, send } = start()
    const answer = send()
    far.write(bytes)
    const exchange = await answer
    await read(exchange)
    t.equal(exchange.isReusable, isReusable, JSON.stringify(bytes))
  }
})

t.test('a body is read no faster than it is taken, and not held up after its end', async t => {
  const { near, far, send, connection } = start()
  const answer = send()
  far.write('HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n')
  const exchange = await answer
  const resumes: (() => void)[] = []
  let taken = 0
  const finished = exchange.relayTo({
    write: chunk => {
      taken += chunk.length
      return false
    },
    onDrain: resume => resumes.push(resume),
  })
  far.write('x'.repeat(30_000))
  await turn()
  t.equal(taken, 30_000)
  far.write('x'.repeat(30_000))
  await turn()
  t.equal(taken, 30_000, 'nothing more until the sink has drained')
  resumes.shift()?.()
  await finished
  t.equal(taken, 60_000)
  t.notOk(near.isPaused(), 'the sink of the last piece need not drain')
  t.ok(connection.isIdle)
  near.pause()
  resumes.shift()?.()
  t.ok(near.isPaused(), 'an old sink has no say any more')
})

t.test('draining reads a short body and cuts a long or slow one', async t => {
  const cases: [boolean, (far: WireEnd, clock: FakeClock) => void][] = [
    [true, far => far.write('x'.repeat(100))],
    [false, far => far.write('x'.repeat(99)) && far.end()],
    [false, (_far, clock) => clock.advance(501)],
  ]
  for (const [isKept, act] of cases) {
    const { clock, far, send, connection } = start()
    const answer = send()
    far.write('HTTP/1.1 407 No\r\nContent-Length: 100\r\n\r\n')
    const drained = (await answer).drain(1_000, 500, clock)
    act(far, clock)
    t.equal(await drained, isKept)
    t.equal(connection.isIdle, isKept)
    t.equal(clock.pendingTimers, 0)
  }
  const { clock, far, send, connection } = start()
  const answer = send()
  far.write(`HTTP/1.1 407 No\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(1_500)}`)
  t.equal(await (await answer).drain(1_000, 500, clock), false)
  t.ok(connection.isClosed)
})

t.test('a body that broke off fails its reader, with what came before handed on', async t => {
  const { far, send } = start()
  const answer = send()
  far.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome')
  const exchange = await answer
  let text = ''
  const finished = exchange.relayTo({
    write: chunk => {
      text += chunk.toString()
      return true
    },
    onDrain: () => undefined,
  })
  far.end()
  await t.rejects(finished, { code: 'UPSTREAM_CLOSED', message: /96 bytes are missing/ })
  t.equal(text, 'some')
  t.notOk(exchange.isReusable)
})

t.test('a body that broke off before it had a reader fails all the same', async t => {
  const { near, far, send } = start()
  const answer = send()
  far.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n')
  const exchange = await answer
  near.destroy()
  await turn()
  await t.rejects(read(exchange), { code: 'UPSTREAM_CLOSED' })
})

t.test('an upload is chunked when its length is not known, with its trailers', async t => {
  const { far, send } = start()
  const received: Buffer[] = []
  far.on('data', (chunk: Buffer) => received.push(chunk))
  const body = new StreamBody(Readable.from([Buffer.from('abc'), Buffer.from('defgh')]), {
    length: undefined,
    trailers: () => ['X-Sum', '8'],
  })
  const answer = send(POST, body)
  for (let at = 0; at < 20; at++) await turn()
  far.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  const exchange = await answer
  t.match(
    Buffer.concat(received).toString(),
    /\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n$/,
  )
  t.ok(exchange.isReusable)
})

t.test('an answer before the end of the upload stops it, and the connection is spent', async t => {
  const { far, send } = start()
  const stream = new Readable({ read: () => undefined })
  const body = new StreamBody(stream, { length: 100 })
  const answer = send(POST, body)
  stream.push('some')
  await turn()
  far.write('HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n')
  const exchange = await answer
  stream.push('more')
  await turn()
  t.equal(body.bytesRead, 4, 'the rest is left alone')
  t.notOk(exchange.isReusable)
})

t.test(
  'a tunnel that is held keeps what comes early, up to a limit, and notices its end',
  async t => {
    const connect: RequestHead = { method: 'CONNECT', target: 'a:1', headers: [] }
    for (const [text, kept] of [
      ['220 hi', '220 hi'],
      ['x'.repeat(10), 'x'.repeat(10)],
    ] as const) {
      const { far, send, connection } = start()
      const answer = send(connect)
      far.write('HTTP/1.1 200 OK\r\n\r\n')
      await answer
      connection.holdTunnel(10)
      far.write(text)
      await turn()
      if (kept.length === 10) far.write('more')
      await turn()
      const { stream, leftover } = connection.detach()
      t.equal(leftover?.toString(), kept)
      if (kept.length === 10)
        t.equal(String(stream.read()), 'more', 'beyond it stays in the stream')
    }
    const { far, send, connection } = start()
    const answer = send(connect)
    far.write('HTTP/1.1 200 OK\r\n\r\n')
    await answer
    connection.holdTunnel(10)
    far.end()
    await turn()
    await turn()
    t.ok(connection.isClosed)
  },
)

t.test('an answer that came in one piece is taken whole, any other is relayed', async t => {
  const cases: [pieces: string[], whole: string | undefined][] = [
    [['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none'], 'one'],
    [['HTTP/1.1 304 Not Modified\r\n\r\n'], ''],
    [['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n'], 'one'],
    [
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n2\r\nne\r\n0\r\n\r\n'],
      undefined,
    ],
    [
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nA: b\r\n\r\n'],
      undefined,
    ],
    [['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'one'], undefined],
    [['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no', 'ne'], undefined],
  ]
  const { far, send, connection } = start()
  for (const [[first = '', ...more], whole] of cases) {
    const answer = send()
    far.write(first)
    const exchange = await answer
    t.equal(exchange.takeWhole()?.toString(), whole, first)
    if (whole === undefined) {
      const text = read(exchange)
      for (const piece of more) far.write(piece)
      t.equal(await text, 'one')
    }
    t.ok(exchange.isReusable)
    t.ok(connection.isIdle)
  }
})

/** Keeps what it gets for two turns, and now and then wants no more until then. Lent bytes are looked at when they are given back. */
class SlowSink implements BodySink {
  readonly #pieces: Buffer[] = []
  #resume: (() => void) | undefined
  lent = 0

  write(chunk: Buffer, giveBack?: () => void): boolean {
    const at = this.#pieces.push(chunk) - 1
    if (giveBack !== undefined) this.lent++
    void turn()
      .then(turn)
      .then(() => {
        if (giveBack !== undefined) this.#pieces[at] = Buffer.from(chunk)
        giveBack?.()
        this.#resume?.()
      })
    return this.#pieces.length % 4 !== 0
  }

  onDrain(resume: () => void): void {
    this.#resume = resume
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

t.test('long bodies come whole, also where their bytes are only lent', async t => {
  const [far, near] = await socketPair(connectLending)
  t.teardown(() => far.destroy())
  const connection = new UpstreamConnection(near, new FakeClock())
  const bytes = Buffer.concat([...pattern(4 * 1024 * 1024)])
  const chunks = [...pattern(bytes.length, 40_000)].map(chunk =>
    Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
  )
  const forms: [head: string, body: Buffer, lends: boolean][] = [
    [`Content-Length: ${bytes.length}`, bytes, true],
    ['Transfer-Encoding: chunked', Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]), false],
    [`Content-Length: ${bytes.length}`, bytes, true],
    ['Connection: close', bytes, true],
  ]
  for (const [head, body, lends] of forms) {
    const answer = connection.send(GET, undefined, { timeoutMs: 1_000, signal: NEVER })
    far.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`)
    far.write(body)
    const exchange = await answer
    if (head === 'Connection: close') far.end()
    const sink = new SlowSink()
    await exchange.relayTo(sink)
    await turn()
    t.ok(sink.bytes.equals(bytes), head)
    t.equal(sink.lent > 0, lends && process.platform !== 'win32', `${sink.lent} pieces were lent`)
  }
})

t.test('a body that is thrown away may be lent as well', async t => {
  const [far, near] = await socketPair(connectLending)
  t.teardown(() => far.destroy())
  const clock = new FakeClock()
  const connection = new UpstreamConnection(near, clock)
  t.teardown(() => connection.destroy())
  const length = 2 * 1024 * 1024
  const answer = connection.send(GET, undefined, { timeoutMs: 1_000, signal: NEVER })
  far.write(`HTTP/1.1 407 Denied\r\nContent-Length: ${length}\r\n\r\n`)
  far.write(Buffer.alloc(length))
  t.ok(await (await answer).drain(length, 1_000, clock))
  t.ok(connection.isIdle)
})

t.test('a body without length is complete when the peer ends it, not when it resets', async t => {
  for (const dial of [undefined, connectLending]) {
    for (const way of ['end', 'resetAndDestroy'] as const) {
      const [far, near] = await socketPair(dial)
      t.teardown(() => far.destroy())
      const connection = new UpstreamConnection(near, new FakeClock())
      const answer = connection.send(GET, undefined, { timeoutMs: 1_000, signal: NEVER })
      await once(far, 'data')
      far.write('HTTP/1.1 200 OK\r\n\r\n')
      const exchange = await answer
      // Both are there before the next read.
      far.write('a part')
      far[way]()
      const body = read(exchange)
      if (way === 'end') t.equal(await body, 'a part')
      else await t.rejects(body, { code: 'UPSTREAM_CLOSED', message: /ECONNRESET/ })
    }
  }
})
