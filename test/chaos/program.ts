import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { family, residentMemory } from '../bench/accounting.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'

/** The program under test in a process of its own, as a user starts it. */
export interface Program {
  readonly pid: number
  readonly port: number
  readonly socksPort: number
  readonly adminPort: number
  readonly controlSocket: string
  /** How it ended; undefined while it runs. */
  ended(): string | undefined
  /** How many log lines there were of each event. */
  readonly events: ReadonlyMap<string, number>
  /** Whether somebody reads its log. */
  readLog(isRead: boolean): void
  status(): Promise<Status>
  /** What is open in all of its processes, and in memory, in MiB. */
  usage(): Promise<Usage>
  signal(name: NodeJS.Signals): void
  /** For one that hears nothing else any more. */
  kill(): void
  stop(): Promise<void>
}

export interface Usage {
  readonly descriptors: number
  readonly memory: number
}

/** What of the status the judge goes by. */
export interface Status {
  readonly requestsInProgress: number
  readonly tunnelsOpen: number
  readonly upstreams: readonly {
    readonly label: string
    readonly health: string
    readonly sessions: Readonly<
      Record<'idle' | 'spare' | 'busy' | 'connecting' | 'waiting', number>
    >
  }[]
}

const START_MS = 60_000
const STOP_MS = 10_000

/** @param config lines besides those for ports, account and files. */
export async function startProgram(config: readonly string[]): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'tsntlm-chaos-'))
  const [port, socksPort, adminPort] = [await freePort(), await freePort(), await freePort()]
  const controlSocket = join(folder, 'control.sock')
  const lines = [
    'Username chaos',
    'Domain CORP',
    'Password SecREt01',
    `Listen 127.0.0.1:${port}`,
    `SOCKS5Proxy 127.0.0.1:${socksPort}`,
    `Admin 127.0.0.1:${adminPort}`,
    `ControlSocket ${controlSocket}`,
    `StateDirectory ${folder}`,
    'LogFormat json',
    ...config,
    '',
  ]
  const file = join(folder, 'tsntlm.conf')
  await writeFile(file, lines.join('\n'), { mode: 0o600 })
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, ['bin/tsntlm.js', '--config', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const events = new Map<string, number>()
  const last: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', line => {
      const event = /"event":"([^"]+)"/.exec(line)?.[1] ?? 'unstructured'
      events.set(event, (events.get(event) ?? 0) + 1)
      if (event !== 'request.finished') last.splice(0, last.length - 20, line)
    })
  }
  let how: string | undefined
  const exit = new Promise<void>(resolve => {
    child.once('exit', (code, signal) => {
      how = `it ended with ${signal ?? `exit code ${code}`}:\n${last.join('\n')}`
      resolve()
    })
  })
  await until(
    'the program to be ready',
    () => {
      if (how !== undefined) throw new Error(how)
      return events.has('service.started') ? true : undefined
    },
    START_MS,
  )
  const pid = child.pid!
  return {
    pid,
    port,
    socksPort,
    adminPort,
    controlSocket,
    events,
    ended: () => how,
    readLog: isRead => void (isRead ? child.stdout.resume() : child.stdout.pause()),
    status: async () =>
      JSON.parse(await ask({ socketPath: controlSocket, path: '/status' })) as Status,
    usage: async () => ({
      descriptors: await descriptorsOf(pid),
      memory: Math.round((await residentMemory(pid)) / 1024),
    }),
    signal: name => void child.kill(name),
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      child.stdout.resume()
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await exit
      clearTimeout(timer)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** The body of an answer 200 of the control socket or of Admin. */
export function ask(where: { socketPath?: string; port?: number; path: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...where, host: '127.0.0.1', agent: false, timeout: 5_000 })
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer to ${where.path}`)))
    outgoing.once('error', reject).once('response', response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => void (text += chunk))
      response.once('error', reject).once('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${where.path} was answered ${response.statusCode}: ${text}`))
      })
    })
    outgoing.end()
  })
}

async function descriptorsOf(pid: number): Promise<number> {
  const processes = await family(pid)
  const lists = await Promise.all(processes.map(one => readdir(`/proc/${one}/fd`).catch(() => [])))
  return lists.reduce((sum, list) => sum + list.length, 0)
}
