import t from 'tap'
import { LineQueue } from '../../../src/observe/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

type Trouble = 'EAGAIN' | 'ENOSPC' | 'EPIPE'

/** What a pipe is: takes so many bytes until somebody reads, or none for another reason. */
class Pipe {
  #bytes = Buffer.alloc(0)
  room = 0
  trouble: Trouble = 'EAGAIN'
  calls = 0

  write(bytes: Buffer): number {
    this.calls++
    const taken = Math.min(bytes.length, this.room)
    if (taken === 0) throw Object.assign(new Error(this.trouble), { code: this.trouble })
    this.room -= taken
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, taken)])
    return taken
  }

  get text(): string {
    return this.#bytes.toString()
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }
}

function makeQueue(room: number, maxBytes = 60) {
  const clock = new FakeClock()
  const pipe = new Pipe()
  pipe.room = room
  const told: number[] = []
  const queue: LineQueue = new LineQueue({
    clock,
    block: ms => clock.advance(ms),
    sink: pipe,
    onLost: lines => {
      told.push(lines)
      queue.write(`lost ${lines}\n`)
    },
    maxBytes,
  })
  const write = (...lines: string[]): void => {
    for (const line of lines) queue.write(`${line}\n`)
  }
  return { clock, pipe, queue, told, write }
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)

t.test('a line is written immediately while a reader keeps up', async t => {
  const { clock, pipe, write } = makeQueue(Infinity)
  write('one', 'two ä')
  t.equal(pipe.text, 'one\ntwo ä\n')
  t.equal(clock.pendingTimers, 0)
})

t.test('while nobody reads lines wait in their order, also one that is cut anywhere', async t => {
  for (let room = 0; room < 24; room++) {
    const { clock, pipe, queue, write } = makeQueue(room)
    write('one', 'two ä', 'three')
    t.equal(pipe.text.length > 0, room > 0)
    // Cuts the character of two bytes too.
    for (let step = 0; step < 30; step++) {
      pipe.room += 1
      clock.advance(64)
    }
    t.equal(pipe.text, 'one\ntwo ä\nthree\n')
    t.equal(queue.lost, 0)
    t.equal(clock.pendingTimers, 0)
  }
})

t.test('a reader that hangs costs few system calls, whatever comes', async t => {
  const { clock, pipe, write } = makeQueue(0)
  for (let second = 0; second < 10; second++) {
    write(...numbered(1, 1000))
    clock.advance(1_000)
  }
  t.ok(pipe.calls < 200, `${pipe.calls}`)
})

t.test('what comes when the buffer is full is lost, counted and told of in its place', async t => {
  const { clock, pipe, queue, told, write } = makeQueue(0)
  write(...numbered(1, 20))
  t.equal(queue.lost, 12)
  t.strictSame(told, [], 'nobody would read it')
  pipe.room = 14
  clock.advance(64)
  write('line 21')
  t.equal(queue.lost, 13, 'until half of the buffer is free')
  pipe.room = 21
  clock.advance(64)
  write('line 22')
  pipe.room = Infinity
  clock.advance(64)
  t.strictSame(pipe.lines, [...numbered(1, 8), 'lost 13', 'line 22'])
  t.strictSame(told, [13])
  write('line 23')
  t.equal(pipe.lines.at(-1), 'line 23')
  t.strictSame([queue.lost, told.length, clock.pendingTimers], [13, 1, 0])
})

t.test('a line longer than the buffer is written all the same', async t => {
  const { pipe, queue, write } = makeQueue(Infinity)
  write('x'.repeat(100), 'y')
  t.strictSame([pipe.lines.length, queue.lost], [2, 0])
})

t.test(
  'a full disk and a reader that has gone lose lines, and each new line tries again',
  async t => {
    for (const trouble of ['ENOSPC', 'EPIPE'] as const) {
      const { clock, pipe, queue, told, write } = makeQueue(10)
      pipe.trouble = trouble
      write('one', 'two', 'torn and lost', 'lost')
      t.equal(queue.lost, 2)
      t.equal(clock.pendingTimers, 0, 'nothing is kept')
      pipe.room = Infinity
      write('three')
      t.strictSame(pipe.lines, ['one', 'two', 'to', 'three', 'lost 2'], 'on a line of its own')
      t.strictSame(told, [2])
    }
  },
)

t.test('at the end it waits for a reader that is slow', async t => {
  const { clock, pipe, queue, write } = makeQueue(0, 10_000)
  write(...numbered(100, 199))
  const slowly = (): void => {
    pipe.room += 5
    clock.setTimer(20, slowly)
  }
  slowly()
  queue.finish()
  t.strictSame(pipe.lines, numbered(100, 199))
})

t.test(
  'at the end it does not wait long for a reader that hangs, nor for one without end',
  async t => {
    const hung = makeQueue(3)
    hung.write('one', 'two')
    hung.queue.finish()
    t.ok(hung.clock.now() >= 2_000 && hung.clock.now() < 2_100, 'two seconds')
    t.equal(hung.pipe.text, 'one')
    const endless = makeQueue(0, 1_000_000)
    endless.write('x'.repeat(500_000))
    const slowly = (): void => {
      endless.pipe.room += 1
      endless.clock.setTimer(1_000, slowly)
    }
    slowly()
    endless.queue.finish()
    t.ok(endless.clock.now() >= 10_000 && endless.clock.now() < 10_100, 'ten seconds')
  },
)

t.test('at the end it tells of lines that were lost', async t => {
  const { pipe, queue, write } = makeQueue(0)
  write(...numbered(1, 20))
  pipe.room = Infinity
  queue.finish()
  t.strictSame(pipe.lines, [...numbered(1, 8), 'lost 12'])
})

t.test('what waits goes to another place with it, but for half a line', async t => {
  const { clock, pipe, queue, write } = makeQueue(6)
  write('one', 'two', 'three')
  const other = new Pipe()
  other.room = Infinity
  queue.redirect(other)
  write('four')
  t.equal(pipe.text, 'one\ntw')
  t.strictSame(other.lines, ['three', 'lost 1', 'four'])
  t.strictSame([queue.lost, clock.pendingTimers], [1, 0])
})
