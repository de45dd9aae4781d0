import { Socket } from 'node:net'
import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import type { ProxyEvent } from '../../../src/core/index.ts'
import { newNames, type WorkerSnapshot } from '../../../src/service/index.ts'
import type { Channel } from '../../../src/workers/channel.ts'
import { Crew } from '../../../src/workers/crew.ts'
import type { FromWorker, ToWorker } from '../../../src/workers/messages.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

const TUNNEL: WorkerSnapshot['work'][number] = {
  id: 'a-1',
  kind: 'tunnel',
  client: '127.0.0.1:4711',
  method: 'CONNECT',
  target: 'site.test:443',
  route: 'direct',
  upstream: undefined,
  startedAt: 0,
  lastMovedAt: 0,
  bytesIn: 0,
  bytesOut: 0,
}
const HTTP = { kind: 'http' } as const
const ignore = (): void => undefined

/** A worker process that does what the test says. */
class FakeProcess implements Channel {
  readonly pid: number
  readonly received: ToWorker[] = []
  isKilled = false
  isClosed = false
  #onMessage: (message: FromWorker) => void = () => undefined
  #onEnd: (reason: string) => void = () => undefined

  constructor(pid: number) {
    this.pid = pid
  }

  send(message: ToWorker): void {
    this.received.push(message)
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#onMessage = listener
  }

  onEnd(listener: (reason: string) => void): void {
    this.#onEnd = listener
  }

  close(): void {
    this.isClosed = true
  }

  kill(): void {
    this.isKilled = true
    this.end('SIGKILL')
  }

  say(message: FromWorker): void {
    this.#onMessage(message)
  }

  end(reason: string): void {
    this.#onEnd(reason)
  }

  of<Type extends ToWorker['type']>(type: Type): Extract<ToWorker, { type: Type }>[] {
    return this.received.filter(
      (message): message is Extract<ToWorker, { type: Type }> => message.type === type,
    )
  }
}

async function start({ size = 2, answers = true } = {}) {
  const clock = new FakeClock()
  const processes: FakeProcess[] = []
  const events: ProxyEvent[] = []
  const learned: ProxyEvent[] = []
  const crew = new Crew({
    clock,
    size,
    names: newNames({ bytes: length => Buffer.alloc(length, 0xab) }),
    launch: number => {
      const child = new FakeProcess(number * 100 + processes.length)
      processes.push(child)
      if (answers) setImmediate(() => child.say({ type: 'serving' }))
      return child
    },
  })
  crew.configure({ config: DEFAULTS, credentials: undefined, configChangedAtMs: 0 }, undefined)
  const started = crew.start({
    emit: event => events.push(event),
    gateOf: () => {
      throw new Error('nobody logs on here')
    },
    learn: news => learned.push(news),
  })
  if (answers) await started
  return { crew, clock, processes, events, learned, started }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('each is told its part of the limits and a name of its own', async t => {
  const { processes, events } = await start({ size: 3 })
  const briefs = processes.flatMap(process => process.of('configure'))
  const parts = briefs.map(({ input: { config } }) => config)
  t.same(
    parts.map(({ maxSessions }) => maxSessions),
    [171, 171, 170],
  )
  t.same(
    parts.map(({ warmMax, warmTunnels }) => [warmMax, warmTunnels]),
    [
      [3, 0],
      [3, 0],
      [2, 0],
    ],
  )
  t.same(
    briefs.map(({ names }) => names.requestPrefix),
    ['abab.1', 'abab.2', 'abab.3'],
  )
  t.equal(new Set(briefs.map(({ names }) => names.pseudonym)).size, 1)
  t.same(
    events.map(({ type }) => type),
    Array.from({ length: 3 }, () => 'worker.started'),
  )
})

t.test('one that ends is replaced, after longer and longer pauses', async t => {
  const { clock, events, processes, crew } = await start({ size: 1 })
  for (const pause of [1, 2, 4, 8, 16, 30, 30]) {
    processes.at(-1)?.end('SIGSEGV')
    t.match(events.at(-1), {
      type: 'worker.ended',
      worker: 1,
      reason: 'SIGSEGV',
      againInMs: pause * 1000,
    })
    const before = processes.length
    clock.advance(pause * 1000 - 1)
    t.equal(processes.length, before)
    clock.advance(1)
    t.equal(processes.length, before + 1)
    await turn()
  }
  t.match(processes.at(-1)?.of('configure')[0]?.names, { requestPrefix: 'abab.8' })
  for (let second = 0; second < 61; second++) {
    clock.advance(1_000)
    answerLooks(processes)
  }
  processes.at(-1)?.end('exit code 1')
  t.match(events.at(-1), { type: 'worker.ended', againInMs: 0 })
  void crew.close()
  const before = processes.length
  clock.advance(60_000)
  t.equal(processes.length, before, 'none after the end')
})

function answerLooks(processes: readonly FakeProcess[]): void {
  for (const process of processes) {
    for (const { question } of process.of('look')) {
      const snapshot = { pid: process.pid, upstreams: [], requests: 1, tunnels: 2, work: [] }
      process.say({ type: 'snapshot', question, snapshot })
    }
  }
}

function watch(events: readonly ProxyEvent[]): string[] {
  return events.filter(({ type }) => /^worker\./.test(type)).map(({ type }) => type.slice(7))
}

t.test('one that says nothing gets no new clients, and is killed in the end', async t => {
  const { clock, crew, processes, events } = await start()
  const [silent, alive] = processes
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000)
      answerLooks(processes.slice(1))
    }
  }
  const clientsOf = (process?: FakeProcess): number => process?.of('client').length ?? 0
  const handFour = (): void => {
    for (let client = 0; client < 4; client++) {
      crew.hand(new Socket(), HTTP, { onClosed: ignore, onReturned: ignore })
    }
  }
  pass(2)
  handFour()
  t.same([clientsOf(silent), clientsOf(alive)], [2, 2])
  t.same(watch(events), ['started', 'started'])
  pass(1)
  t.match(events.at(-1), { type: 'worker.silent', worker: 1, pid: silent?.pid })
  handFour()
  t.same([clientsOf(silent), clientsOf(alive)], [2, 6])
  pass(5)
  t.notOk(silent?.isKilled)
  pass(1)
  t.ok(silent?.isKilled)
  t.notOk(alive?.isKilled)
  t.same(watch(events), ['started', 'started', 'silent', 'ended'])
  const reason = 'SIGKILL, because it did not respond'
  t.match(events.at(-1), { type: 'worker.ended', worker: 1, reason })
})

t.test('one that answers again gets clients again', async t => {
  const { clock, crew, processes, events } = await start({ size: 1 })
  const hand = (): boolean =>
    crew.hand(new Socket(), HTTP, { onClosed: ignore, onReturned: ignore })
  clock.advance(5_000)
  t.notOk(hand(), 'there is nobody else')
  answerLooks(processes)
  t.same(watch(events), ['started', 'silent', 'answers'])
  t.ok(hand())
  clock.advance(6_000)
  t.notOk(processes[0]?.isKilled)
})

t.test('a connection is kept here until its worker has it', async t => {
  const { crew, processes } = await start({ size: 1 })
  const happened: string[] = []
  const sockets = [1, 2, 3].map(client => {
    const socket = new Socket()
    crew.hand(socket, HTTP, {
      onClosed: () => happened.push(`${client} closed`),
      onReturned: () => happened.push(`${client} returned`),
    })
    return socket
  })
  const open = (): boolean[] => sockets.map(({ destroyed }) => !destroyed)
  const [process] = processes
  const [first = 0, second = 0] = process?.of('client').map(({ client }) => client) ?? []
  t.same(open(), [true, true, true])
  process?.say({ type: 'taken', client: first })
  process?.say({ type: 'taken', client: second })
  t.same(open(), [false, false, true])
  process?.say({ type: 'report', events: [], closed: [first], inProgress: 0 })
  t.same(happened, ['1 closed'])
  process?.end('SIGKILL')
  t.same(happened, ['1 closed', '2 closed', '3 returned'])
  t.same(open(), [false, false, true])
})

t.test(
  'what was not taken is closed where everything ends, also with one that is silent',
  async t => {
    const { clock, crew, processes } = await start({ size: 1 })
    const socket = new Socket()
    const happened: string[] = []
    crew.hand(socket, HTTP, {
      onClosed: () => happened.push('closed'),
      onReturned: () => happened.push('returned'),
    })
    clock.advance(3_000)
    await crew.close()
    t.ok(processes[0]?.isKilled, 'it would not end by itself')
    t.ok(socket.destroyed)
    t.same(happened, ['closed'])
  },
)

t.test('one that never serves is killed, and the others are waited for no longer', async t => {
  const { clock, processes, started } = await start({ answers: false })
  processes[0]?.say({ type: 'serving' })
  for (let second = 0; second < 30; second++) {
    clock.advance(1_000)
    answerLooks(processes.slice(0, 1))
  }
  await started
  t.same(
    processes.map(({ isKilled }) => isKilled),
    [false, true],
  )
})

t.test('what one finds out about an upstream, the others and the main process hear', async t => {
  const { clock, processes, learned, events, crew } = await start()
  const news = {
    type: 'upstream.down',
    upstream: 'a:1',
    forMs: 5000,
    error: 'DIAL_REFUSED',
  } as const
  processes[0]?.say({ type: 'report', events: [news], closed: [], inProgress: 4 })
  t.same(processes[0]?.of('news'), [])
  t.same(processes[1]?.of('news'), [{ type: 'news', news }])
  t.same(learned, [news])
  t.same(events.at(-1), news)
  t.equal(crew.inProgress, 4)
  clock.advance(2_000)
  processes[1]?.end('SIGKILL')
  clock.advance(1_000)
  t.same(processes[2]?.of('news'), [{ type: 'news', news: { ...news, forMs: 2_000 } }])
  crew.tell({ type: 'upstream.up', upstream: 'a:1' })
  processes[2]?.end('SIGKILL')
  clock.advance(2_000)
  t.same(processes[3]?.of('news'), [], 'that is over')
})

t.test('what all workers see of a Pac script is reported once, by the main process', async t => {
  const { events, processes } = await start()
  const before = events.length
  const loaded = { type: 'pac.loaded', location: '/p.pac', bytes: 7 } as const
  const ignored = { type: 'pac.ignored', words: ['SOCKS a:1'] } as const
  processes[0]?.say({ type: 'report', events: [loaded, ignored], closed: [], inProgress: 0 })
  t.same(events.slice(before), [ignored])
})

t.test('a look brings what each is doing, and waits for nobody long', async t => {
  const { clock, crew, processes } = await start()
  const looked = crew.look('counts')
  answerLooks(processes.slice(0, 1))
  clock.advance(1_000)
  await looked
  t.same(
    crew.snapshots.map(({ requests, tunnels }) => [requests, tunnels]),
    [
      [1, 2],
      [0, 0],
    ],
  )
})

t.test('to be counted meanwhile takes nothing from a look at the work', async t => {
  const { clock, crew, processes } = await start({ size: 1 })
  const looked = crew.look('work')
  const [process] = processes
  const work = [TUNNEL]
  const answer = { pid: 100, upstreams: [], requests: 0, tunnels: 1 }
  const [asked] = process?.of('look') ?? []
  process?.say({
    type: 'snapshot',
    question: asked?.question ?? 0,
    snapshot: { ...answer, work },
  })
  clock.advance(1_000)
  const counted = process?.of('look').at(-1)
  t.equal(counted?.wants, 'counts')
  process?.say({
    type: 'snapshot',
    question: counted?.question ?? 0,
    snapshot: { ...answer, work: [] },
  })
  await looked
  t.match(crew.snapshots, [{ tunnels: 1, work }])
})

t.test('a drain ends when each has finished or ended', async t => {
  const { crew, processes } = await start()
  let isDrained = false
  const drained = crew.drain().then(() => (isDrained = true))
  processes[0]?.say({ type: 'drained' })
  await turn()
  t.notOk(isDrained)
  processes[1]?.end('SIGKILL')
  await drained
  const closed = crew.close()
  t.ok(processes[0]?.isClosed)
  t.notOk(processes[0]?.isKilled)
  processes[0]?.end('exit code 0')
  await closed
})
