import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './until.ts'

export interface RunOptions {
  readonly cwd?: string
  /** Added to the environment; proxy variables of the machine are taken out first. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Buffer
  /** Milliseconds until the program is killed. */
  readonly timeoutMs?: number
}

export interface Finished {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A name server that does not answer is not waited for long, see resolv.conf(5). */
const RESOLVER = { RES_OPTIONS: 'timeout:1 attempts:1' }

function environment(extra: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name))
  return { ...RESOLVER, ...Object.fromEntries(own), ...extra }
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const { cwd, env, input, timeoutMs = 60_000 } = options
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment(env),
    timeout: timeoutMs,
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A program that ends without reading its input closes the pipe; its exit code tells the story.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }
}

export interface Daemon {
  readonly pid: number
  /** Standard output and error so far. */
  output(): string
  /** Sends the signal, by default SIGTERM, and waits for the end (SIGKILL after `graceMs`); gives the exit code. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<number | null>
}

/** Starts a program that stays, and waits until `isReady`, given its output so far, says yes. */
export async function startDaemon(
  command: string,
  args: readonly string[],
  isReady: (output: string) => boolean | Promise<boolean>,
  options: Pick<RunOptions, 'cwd' | 'env'> = {},
): Promise<Daemon> {
  const child = spawn(command, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = endOf(child)
  const daemon: Daemon = {
    pid: child.pid ?? 0,
    output: () => output,
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      child.kill(signal)
      const timeout = new AbortController()
      const killed = sleep(graceMs, undefined, { signal: timeout.signal })
        .then(() => child.kill('SIGKILL'))
        .catch(() => undefined)
      const code = await ended
      timeout.abort()
      await killed
      return code
    },
  }
  try {
    await until('the program to be ready', async () => {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`)
      return (await isReady(output)) ? true : undefined
    })
  } catch (cause) {
    await daemon.stop('SIGKILL')
    throw new Error(`${command} did not start:\n${output}`, { cause })
  }
  return daemon
}

/** The exit code when the process and its output have ended; 'exit' and not 'close', as helpers may hold the pipes open. */
function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', resolve)
  })
}
