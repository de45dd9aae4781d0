import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type t from 'tap'
import { openClient, type RawClient } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { program } from '../harness/real/programs.ts'
import { type Daemon, run, startDaemon } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { ACCOUNT, demandNtlm, House, serveOpenly } from './house.ts'

/** As much of a test of tap as is needed here. */
export type Test = Pick<typeof t, 'teardown' | 'test'>

/** tsntlm under the name that is meant to replace the other one. */
const TSNTLM = fileURLToPath(new URL('../../bin/cntlm.js', import.meta.url))

/** The most that a step may take; no test waits for it unless something is wrong. */
const BOUND_MS = 20_000

/** How long cntlm stays silent before it counts as hanging; an answer of it takes a tenth of that. */
const PATIENCE_MS = 500

export type Name = 'cntlm' | 'tsntlm'

/** What a configuration text may speak of: the ports differ between the two, nothing else does. */
export interface Place {
  readonly listen: number
  readonly socks: number
  readonly tunnel: number
  readonly upstream: number
  readonly spare: number
  readonly origin: number
  /** Nobody listens there. */
  readonly dead: number
}

/** The command line, given the path of the configuration file. */
export type Arguments = (file: string, place: Place) => readonly string[]

const FOREGROUND: Arguments = file => ['-f', '-c', file]

export type Configuration = (place: Place) => readonly string[] | string | Buffer

/** One of the two programs with its upstreams and its origin. */
export interface Side {
  readonly name: Name
  readonly place: Place
  readonly upstream: House
  /** For a second Proxy line. */
  readonly spare: House
  readonly origin: House
  readonly pid: number
  /** What it has written to standard output and error. */
  output(): string
  /** A connection to the program that ends with the test. */
  open(port?: number): Promise<RawClient>
  /** Sends it and gives the exit code. */
  signal(signal: NodeJS.Signals): Promise<number | null>
}

export interface Duel {
  readonly cntlm: Side
  readonly tsntlm: Side
}

export interface Case {
  readonly name: string
  /** `same`, or what tsntlm does instead is better or worse, and why. */
  readonly verdict: string
  readonly play: (side: Side) => Promise<unknown>
  readonly cntlm: unknown
  readonly tsntlm: unknown
  readonly cntlmHangs?: boolean
}

/** Both do the same, and it is this. */
export function same(name: string, play: Case['play'], expected: unknown): Case {
  return { name, verdict: 'same', play, cntlm: expected, tsntlm: expected }
}

export interface Difference {
  readonly cntlm: unknown
  readonly tsntlm: unknown
}

/** They differ on purpose. Both halves are asserted, so that a change of either is noticed. */
export function better(
  name: string,
  because: string,
  play: Case['play'],
  difference: Difference,
): Case {
  return { name, verdict: `better, because ${because}`, play, ...difference }
}

/** tsntlm does less, and the reason is the price of something else; there should be few of these. */
export function worse(
  name: string,
  because: string,
  play: Case['play'],
  difference: Difference,
): Case {
  return { name, verdict: `worse, because ${because}`, play, ...difference }
}

/** cntlm neither answers nor closes, although tsntlm has long come to its end. */
export function hangs(name: string, because: string, play: Case['play'], tsntlm: unknown): Case {
  return { ...better(name, because, play, { cntlm: HANGS, tsntlm }), cntlmHangs: true }
}

const HANGS = 'no answer and no end of the connection'

/** The lines of the usual configuration. */
export function basics({ listen, upstream }: Place): string[] {
  return [
    `Username ${ACCOUNT.user}`,
    `Domain ${ACCOUNT.domain}`,
    `Password ${ACCOUNT.password}`,
    `Listen 127.0.0.1:${listen}`,
    `Proxy 127.0.0.1:${upstream}`,
  ]
}

/** The command line of a program. */
function commandOf(name: Name): [command: string, ...args: string[]] {
  return name === 'cntlm' ? [program('cntlm')] : [process.execPath, TSNTLM]
}

/** What they log when they serve. cntlm's ports are open before it has looked at the rest of the file. */
const READY: Readonly<Record<Name, string>> = {
  cntlm: 'Cntlm ready',
  tsntlm: 'service.started',
}

/** Without what tap loads into children. */
function surroundings(stateDirectory: string): Record<string, string> {
  return { NODE_OPTIONS: '', STATE_DIRECTORY: stateDirectory }
}

export interface Run {
  /** Gets the path of the configuration file. */
  readonly args: (file: string) => readonly string[]
  readonly lines: readonly string[]
  readonly input?: string
}

/** Runs a program to its end, in a folder of its own. */
export async function runToEnd(test: Test, name: Name, { args, lines, input = '' }: Run) {
  const dir = makeTempDir(test)
  const file = join(dir, 'cntlm.conf')
  await writeFile(file, toBytes(lines), { mode: 0o600 })
  const [command, ...own] = commandOf(name)
  const finished = await run(command, [...own, ...args(file)], {
    env: surroundings(dir),
    input,
    timeoutMs: BOUND_MS,
  })
  return { ...finished, out: finished.stdout.toString() }
}

/** Starts both with one configuration text. */
export async function startDuel(
  test: Test,
  configuration: Configuration,
  args: Arguments = FOREGROUND,
): Promise<Duel> {
  // Both settle before one fails: what has been started must be stopped.
  const [cntlm, tsntlm] = await Promise.allSettled([
    startSide(test, 'cntlm', configuration, args),
    startSide(test, 'tsntlm', configuration, args),
  ])
  if (cntlm.status === 'rejected') throw cntlm.reason
  if (tsntlm.status === 'rejected') throw tsntlm.reason
  return { cntlm: cntlm.value, tsntlm: tsntlm.value }
}

/** Whether it serves with this configuration, or how it ends instead. */
export async function beginning(
  test: Test,
  name: Name,
  configuration: Configuration,
  args: Arguments = FOREGROUND,
): Promise<string> {
  try {
    await startSide(test, name, configuration, args)
    return 'serves'
  } catch (error) {
    const cause = error instanceof Error ? String(error.cause) : ''
    const [, code] = /ended with ([0-9]+)/.exec(cause) ?? []
    if (code === undefined) throw error
    return `exit ${code}`
  }
}

/** The text with its last line ended. */
function toBytes(text: readonly string[] | string | Buffer): string | Buffer {
  return typeof text === 'string' || Buffer.isBuffer(text) ? text : [...text, ''].join('\n')
}

async function startSide(
  test: Test,
  name: Name,
  configuration: Configuration,
  args: Arguments,
): Promise<Side> {
  const houses = await Promise.all([
    House.start(demandNtlm),
    House.start(demandNtlm),
    House.start(serveOpenly),
  ])
  const [upstream, spare, origin] = houses
  const place = {
    listen: await freePort(),
    socks: await freePort(),
    tunnel: await freePort(),
    dead: await freePort(),
    upstream: upstream.port,
    spare: spare.port,
    origin: origin.port,
  }
  const dir = makeTempDir(test)
  const clients: RawClient[] = []
  const stops: (() => Promise<unknown>)[] = []
  test.teardown(async () => {
    for (const client of clients) client.destroy()
    for (const stop of stops) await stop()
    await Promise.all(houses.map(house => house.close()))
  })
  const file = join(dir, 'cntlm.conf')
  await writeFile(file, toBytes(configuration(place)), { mode: 0o600 })
  const [command, ...own] = commandOf(name)
  const daemon = await startDaemon(
    command,
    [...own, ...args(file, place)],
    output => output.includes(READY[name]),
    // What arrives unasked is no matter of comparison.
    { env: { ...surroundings(dir), TSNTLM_WARM: 'off' } },
  )
  // How they end is what other cases are about.
  stops.push(() => daemon.stop('SIGKILL'))
  return sideOf(name, { place, upstream, spare, origin }, daemon, clients)
}

function sideOf(
  name: Name,
  parts: Pick<Side, 'place' | 'upstream' | 'spare' | 'origin'>,
  daemon: Daemon,
  clients: RawClient[],
): Side {
  return {
    ...parts,
    name,
    pid: daemon.pid,
    output: () => daemon.output(),
    async open(port = parts.place.listen) {
      const client = await openClient(port)
      client.socket.on('error', () => undefined)
      clients.push(client)
      return client
    },
    signal: name => daemon.stop(name, BOUND_MS),
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Plays each case with both programs at once, one case after the other. */
export async function compare(test: Test, duel: Duel, cases: readonly Case[]): Promise<void> {
  for (const each of cases) {
    for (const side of [duel.cntlm, duel.tsntlm]) {
      for (const house of [side.upstream, side.spare, side.origin]) house.reset()
    }
    await test.test(`${each.name}: ${each.verdict}`, async t => {
      const theirs = bounded(each.play(duel.cntlm), 'cntlm')
      // Its failure is asserted below; here it only must not go unheard.
      theirs.catch(() => undefined)
      const ours = await bounded(each.play(duel.tsntlm), 'tsntlm')
      const outcome = each.cntlmHangs
        ? await Promise.race([theirs, delay(PATIENCE_MS, HANGS)])
        : await theirs
      t.strictSame(outcome, each.cntlm, 'cntlm')
      t.strictSame(ours, each.tsntlm, 'tsntlm')
    })
  }
}

async function bounded<T>(promise: Promise<T>, who: string): Promise<T> {
  const bound = new AbortController()
  const late = delay(BOUND_MS, undefined, { signal: bound.signal }).then(() => {
    throw new Error(`${who} let the case wait for ${BOUND_MS} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([promise, late])
  } finally {
    bound.abort()
  }
}
