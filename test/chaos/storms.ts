import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from './dial.ts'
import type { Work } from './good-clients.ts'
import { ask } from './program.ts'
import { Random } from './random.ts'
import type { Wire } from './wire.ts'
import type { World } from './world.ts'

/** A fault that others than the good clients cause for as long as it lasts. */
export interface Storm {
  readonly name: string
  readonly config?: readonly string[]
  /** Goes on until the signal. */
  readonly blow: (world: World, signal: AbortSignal) => Promise<unknown>
  /** What has to be possible meanwhile besides the good clients' transfers. */
  readonly probe?: (world: World) => Work
}

/** Fairness is by address: storms that take everything there is come from another one than the good clients. */
const ELSEWHERE = '127.0.0.2'
const MANY = 1_200

const GET = (host: string, path = '/'): string =>
  `GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
const CONNECT = (host: string): string =>
  `CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`
const UPLOAD = (host: string, length: number): string =>
  `PUT http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`

export const STORMS: readonly Storm[] = [
  pipelining('requests pipelined behind one that hangs', GET('hang.test'), GET('hang.test')),
  pipelining('pipelined answers that nobody reads', '', GET('page.test')),
  pipelining('pipelined requests that are refused', '', 'GET / HTTP/1.1\r\nHost: nobody\r\n\r\n'),
  pipelining('pipelined OPTIONS *', '', 'OPTIONS * HTTP/1.1\r\nHost: nobody\r\n\r\n'),
  {
    name: 'a log that nobody reads',
    blow: async (world, signal) => {
      world.program.readLog(false)
      await repeat(10, signal, () => exchange(world, GET('page.test', `/${'p'.repeat(900)}`)))
      world.program.readLog(true)
    },
  },
  {
    name: 'malformed answers',
    blow: (world, signal) =>
      repeat(20, signal, turn => exchange(world, GET('malformed.test', `/${turn}`))),
    probe: isAvailable,
  },
  {
    name: 'answers that break off in the middle',
    blow: (world, signal) => repeat(20, signal, () => exchange(world, GET('part.test'))),
    probe: isAvailable,
  },
  {
    name: 'uploads that the upstream breaks off',
    blow: (world, signal) =>
      repeat(20, signal, () => exchange(world, UPLOAD('upload-reset.test', 200_000), 200_000)),
  },
  {
    name: 'early refusals of large uploads',
    blow: (world, signal) =>
      repeat(10, signal, () => exchange(world, UPLOAD('early.test', 2_000_000), 2_000_000)),
  },
  {
    name: 'CONNECTs that an upstream answers with 503',
    blow: (world, signal) => repeat(20, signal, () => exchange(world, CONNECT('unavailable.test'))),
  },
  {
    name: 'resets of new connections to upstreams',
    // So that many wait for what is reset.
    config: ['MaxHandshakes 4'],
    blow: async (world, signal) => {
      const random = new Random(5)
      const weather = ['resets-at-accept', 'resets-in-handshake'] as const
      for (const upstream of world.upstreams)
        upstream.weather = () => (random.chance(0.05) ? random.pick(weather) : undefined)
      await repeat(40, signal, () => exchange(world, CONNECT('page.test')))
      for (const upstream of world.upstreams) upstream.weather = () => undefined
    },
  },
  {
    name: 'CONNECTs whose clients leave',
    blow: (world, signal) =>
      repeat(1, signal, async () => {
        const wires = await openMany(world, MANY, CONNECT('hang.test'))
        await sleep(500)
        for (const wire of wires) wire.end()
        await pause(4_000, signal)
        for (const wire of wires) wire.reset()
      }),
  },
  {
    name: 'CONNECTs that wait',
    config: ['MaxSessions 64'],
    blow: (world, signal) => hold(world, signal, MANY, CONNECT('hang.test')),
  },
  {
    name: 'uploads of one byte a second',
    config: ['MaxSessions 64'],
    blow: (world, signal) =>
      hold(world, signal, 100, UPLOAD('patient.test', 100_000), wire => wire.write('x')),
  },
  {
    name: 'heads of one byte a second',
    blow: (world, signal) => hold(world, signal, 400, 'GET http:', wire => wire.write('x')),
  },
  {
    name: 'idle clients up to MaxClients',
    config: ['MaxClients 200'],
    blow: (world, signal) => hold(world, signal, 300, 'OPTIONS * HTTP/1.1\r\nHost: nobody\r\n\r\n'),
  },
  {
    name: 'clients that reset their requests',
    blow: (world, signal) =>
      repeat(40, signal, async turn => {
        const wire = await open(world.program.port)
        const request = turn % 2 === 0 ? GET('hang.test') : CONNECT('hang.test')
        await wire.write(request.slice(0, turn % 3 === 0 ? 20 : undefined))
        await sleep(5)
        wire.reset()
      }),
  },
  {
    name: 'reloads',
    blow: (world, signal) =>
      repeat(1, signal, async () => {
        world.program.signal('SIGHUP')
        await pause(200, signal)
      }),
  },
  {
    name: 'silent control connections',
    blow: (world, signal) => holdSilent(60, signal, () => connect(world.program.controlSocket)),
    probe: ({ program }) => succeeds('status', () => program.status()),
  },
  {
    name: 'event streams',
    blow: (world, signal) =>
      holdSilent(64, signal, () => {
        const socket = connect(world.program.adminPort, '127.0.0.1')
        socket.write('GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        return socket.resume()
      }),
    probe: ({ program }) =>
      succeeds('livez', () => ask({ port: program.adminPort, path: '/livez' })),
  },
]

/** One connection that writes as fast as it is taken and reads nothing; another one when it is cut. */
function pipelining(name: string, first: string, each: string): Storm {
  const block = Buffer.from(each.repeat(Math.ceil(64_000 / each.length)))
  return {
    name,
    blow: (world, signal) =>
      repeat(1, signal, async () => {
        const wire = await open(world.program.port)
        wire.socket.pause()
        const cut = (): void => wire.reset()
        signal.addEventListener('abort', cut)
        await wire.write(first)
        while (await wire.write(block));
        signal.removeEventListener('abort', cut)
        wire.reset()
      }),
  }
}

/** Does it again and again, so many at once. That it fails is the storm's nature. */
async function repeat(
  atOnce: number,
  signal: AbortSignal,
  work: (turn: number) => Promise<unknown>,
): Promise<void> {
  let turn = 0
  const line = async (): Promise<void> => {
    while (!signal.aborted) {
      await work(turn++).catch(() => undefined)
      await pause(10, signal)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, line))
}

/** Sends one request, reads what comes, up to a second long. */
async function exchange(world: World, request: string, body = 0): Promise<void> {
  const wire = await open(world.program.port)
  const late = setTimeout(() => wire.reset(), 1_000)
  await wire.write(request)
  if (body > 0) await wire.write(Buffer.alloc(body))
  await wire.some()
  wire.end()
  await wire.drain()
  clearTimeout(late)
}

async function openMany(world: World, count: number, bytes: string): Promise<Wire[]> {
  const opening = Array.from({ length: count }, async () => {
    const wire = await open(world.program.port, ELSEWHERE)
    await wire.write(bytes)
    return wire
  })
  const settled = await Promise.allSettled(opening)
  return settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
}

/** Keeps so many connections open, and does something with each of them every second. */
async function hold(
  world: World,
  signal: AbortSignal,
  count: number,
  bytes: string,
  every: (wire: Wire) => unknown = () => undefined,
): Promise<void> {
  let wires: Wire[] = []
  while (!signal.aborted) {
    wires = wires.filter(({ ending }) => ending === undefined)
    // A few at a time: it is their number that the storm is about, not how fast they come.
    while (wires.length < count) {
      if (isOver(signal)) break
      wires.push(...(await openMany(world, Math.min(20, count - wires.length), bytes)))
      await pause(10, signal)
    }
    for (const wire of wires) every(wire)
    await pause(1_000, signal)
  }
  for (const wire of wires) wire.reset()
}

async function holdSilent(
  count: number,
  signal: AbortSignal,
  dial: () => ReturnType<typeof connect>,
): Promise<void> {
  let sockets: ReturnType<typeof connect>[] = []
  while (!signal.aborted) {
    const alive = sockets.filter(({ closed }) => !closed)
    const fresh = Array.from({ length: count - alive.length }, dial)
    for (const socket of fresh) socket.on('error', () => undefined)
    sockets = [...alive, ...fresh]
    await pause(1_000, signal)
  }
  for (const socket of sockets) socket.destroy()
}

/** What web servers do is no fault of the upstreams. */
function isAvailable({ program }: World): Work {
  return async () => {
    const { upstreams } = await program.status()
    const down = upstreams.find(({ health }) => health !== 'available')
    return down === undefined ? undefined : `upstream ${down.label} is marked down`
  }
}

function succeeds(name: string, question: () => Promise<unknown>): Work {
  return () =>
    question().then(
      () => undefined,
      (error: unknown) => `${name}: ${error instanceof Error ? error.message : String(error)}`,
    )
}

/** Asked anew after each wait. */
function isOver({ aborted }: AbortSignal): boolean {
  return aborted
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
