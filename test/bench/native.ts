import { join } from 'node:path'
import { type Daemon, run, startDaemon } from '../harness/real/run.ts'

/** The programs of `native`, compiled. */
export interface Native {
  readonly folder: string
}

/** @throws Error when there is no C compiler, or it refuses. */
export async function compile(source: string, folder: string): Promise<Native> {
  for (const name of ['upstream', 'relay', 'load']) {
    const args = ['-O2', '-Wall', '-Wextra', '-o', join(folder, name), join(source, `${name}.c`)]
    const { code, stderr } = await run('cc', args).catch((error: unknown) => {
      throw new Error('the benchmark needs a C compiler (cc)', { cause: error })
    })
    if (code !== 0) throw new Error(`cc ${name}.c:\n${stderr}`)
  }
  return { folder }
}

/** The ports of the light upstream; see upstream.c. */
export interface LightUpstream {
  readonly ntlm: number
  readonly delayed: number
  /** Demands NTLM too, and takes so many milliseconds for its verdicts. */
  readonly slow: Readonly<Record<20 | 200 | 2600, number>>
  readonly open: number
  readonly echo: number
  readonly hole: number
  stop(): Promise<void>
}

/** @param challenge the CHALLENGE_MESSAGE in base64 that everybody gets. */
export async function startUpstream(native: Native, challenge: string): Promise<LightUpstream> {
  const daemon = await startNative(native, 'upstream', [challenge])
  const port = (name: string): number => portOf(daemon, name)
  return {
    ntlm: port('ntlm'),
    delayed: port('delayed'),
    slow: { 20: port('slow20'), 200: port('slow200'), 2600: port('slow2600') },
    open: port('open'),
    echo: port('echo'),
    hole: port('hole'),
    stop: async () => void (await daemon.stop()),
  }
}

export interface Relay {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** Hands on to a port of loopback, from afar when there is a round trip time. */
export async function startRelay(native: Native, port: number, rttMs = 0): Promise<Relay> {
  const daemon = await startNative(native, 'relay', [String(port), String(rttMs)])
  return {
    port: portOf(daemon, 'relay'),
    pid: daemon.pid,
    stop: async () => void (await daemon.stop()),
  }
}

async function startNative(
  { folder }: Native,
  name: string,
  args: readonly string[],
): Promise<Daemon> {
  return startDaemon(join(folder, name), args, output => output.includes('ready\n'))
}

function portOf(daemon: Daemon, name: string): number {
  return Number(new RegExp(`^${name} ([0-9]+)$`, 'm').exec(daemon.output())?.[1])
}

/** What the load generator says; times in microseconds. */
export interface Load {
  readonly done: number
  readonly failed: number
  /** Tunnels that are open (hold). */
  readonly held: number
  readonly seconds: number
  readonly bytes: number
  readonly first: number
  /** The median without the first. */
  readonly rest50: number
  readonly p50: number
  readonly p99: number
  readonly causes: Readonly<Record<string, number>>
}

export type LoadArguments = Readonly<Record<string, string | number>>

/** @throws Error when a single request failed: then there is no figure. */
export async function load(native: Native, mode: string, args: LoadArguments): Promise<Load> {
  const { code, stdout, stderr } = await run(
    join(native.folder, 'load'),
    [mode, ...Object.entries(args).map(([name, value]) => `${name}=${value}`)],
    { timeoutMs: 180_000 },
  )
  if (code !== 0) throw new Error(`the load generator ended with ${code}: ${stderr.trim()}`)
  return whole(JSON.parse(stdout.toString()) as Load)
}

/** @throws Error when a request failed. */
export function whole(answer: Load): Load {
  const { causes, done, failed } = answer
  if (failed === 0) return answer
  const why = Object.entries(causes).map(([cause, times]) => `${times} times ${cause}`)
  throw new Error(`${failed} of ${done + failed} failed: ${why.join(', ')}`)
}
