import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accepts, freePort } from '../harness/real/port.ts'
import { findProgram } from '../harness/real/programs.ts'
import { type Daemon, startDaemon } from '../harness/real/run.ts'
import { type Native, startRelay } from './native.ts'

/** What a subject has in front of it. */
export interface Scene {
  readonly native: Native
  readonly folder: string
  /** Ports of proxies that demand NTLM, the preferred one first. */
  readonly upstreams: readonly number[]
  /** The port of one that demands nothing, for subjects that know no NTLM. */
  readonly open: number
}

export interface Running {
  readonly port: number
  readonly pid: number
  /** Milliseconds from the start of the process until it took a connection. */
  readonly startedMs: number
  stop(): Promise<void>
}

export interface Subject {
  readonly name: string
  readonly what: string
  /** Whether it logs on: truly, with messages that only the light upstream takes, or not at all (what the kernel allows). */
  readonly ntlm: 'true' | 'feigned' | 'none'
  /** It takes part in figures whose name begins so, and in no others. */
  readonly figures?: string
  start(scene: Scene): Promise<Running>
}

export interface Paths {
  /** The root of the package. */
  readonly root: string
  readonly cntlm?: string | undefined
  readonly px?: string | undefined
  readonly alpaca?: string | undefined
}

/** As the packages start it, see "Memory" in docs/management.md. */
const HEAP = '--initial-old-space-size=64'

const ACCOUNT = ['Username bench', 'Domain CORP', 'Password SecREt01']

/** All that can be had here, tsntlm first. */
export function subjects(paths: Paths): Subject[] {
  const debian = findProgram('cntlm')
  const haproxy = findProgram('haproxy')
  return [
    tsntlm(paths, 'tsntlm', 'as it comes, without the access log', ['LogLevel warn']),
    tsntlm(paths, 'tsntlm, cold', 'no session is made ahead', ['LogLevel warn', 'Warm off']),
    tsntlm(paths, 'tsntlm, logging', 'with its access log', []),
    tsntlm(paths, 'tsntlm, 2 workers', 'three processes', ['LogLevel warn', 'Workers 2']),
    ...[5, 10].map(budget => budgeted(paths, budget)),
    ...(debian === undefined ? [] : [cntlm('cntlm', 'the package of Debian 12, 0.92.3', debian)]),
    ...(paths.cntlm === undefined ? [] : [cntlm('cntlm, given', 'by --cntlm', paths.cntlm)]),
    ...(paths.px === undefined ? [] : [px(paths.px)]),
    ...(paths.alpaca === undefined ? [] : [alpaca(paths.alpaca)]),
    floor(),
    ...(haproxy === undefined ? [] : [haproxyRelay(haproxy)]),
    relay(),
  ]
}

/** More logons at once, where the domain's threshold allows it. */
function budgeted(paths: Paths, budget: number): Subject {
  const line = `LogonBudget ${budget}`
  const name = `tsntlm, budget ${budget}`
  return { ...tsntlm(paths, name, line, ['LogLevel warn', line]), figures: 'verdict' }
}

function tsntlm({ root }: Paths, name: string, what: string, lines: readonly string[]): Subject {
  return {
    name,
    what,
    ntlm: 'true',
    start: async scene => {
      const port = await freePort()
      const folder = await mkdtemp(join(scene.folder, 'tsntlm-'))
      const config = join(folder, 'tsntlm.conf')
      const text = [
        ...ACCOUNT,
        ...lines,
        ...scene.upstreams.map(upstream => `Proxy 127.0.0.1:${upstream}`),
        `Listen 127.0.0.1:${port}`,
        `StateDirectory ${folder}`,
        'ControlSocket off',
        'MaxWaiting 20000',
        '',
      ]
      await writeFile(config, text.join('\n'), { mode: 0o600 })
      // The log goes where it costs the reader nothing.
      const program = [process.execPath, HEAP, join(root, 'bin/tsntlm.js'), '--config', config]
      return start(port, 'sh', ['-c', 'exec "$@" >/dev/null', 'sh', ...program], folder)
    },
  }
}

function cntlm(name: string, what: string, path: string): Subject {
  return {
    name,
    what,
    ntlm: 'true',
    start: async scene => {
      const port = await freePort()
      const folder = await mkdtemp(join(scene.folder, 'cntlm-'))
      const config = join(folder, 'cntlm.conf')
      const proxies = scene.upstreams.map(upstream => `Proxy 127.0.0.1:${upstream}`)
      const text = [...ACCOUNT, ...proxies, `Listen 127.0.0.1:${port}`, '']
      await writeFile(config, text.join('\n'), { mode: 0o600 })
      return start(port, path, ['-f', '-c', config], folder)
    },
  }
}

function px(path: string): Subject {
  return {
    name: 'px',
    what: 'by --px',
    ntlm: 'true',
    start: async ({ upstreams }) => {
      const port = await freePort()
      const servers = upstreams.map(upstream => `127.0.0.1:${upstream}`).join(',')
      const args = [`--proxy=${servers}`, `--port=${port}`, '--auth=NTLM', '--username=CORP\\bench']
      return start(port, 'env', ['PX_PASSWORD=SecREt01', path, ...args])
    },
  }
}

function alpaca(path: string): Subject {
  return {
    name: 'alpaca',
    what: 'by --alpaca',
    ntlm: 'true',
    start: async ({ folder, upstreams }) => {
      const port = await freePort()
      const pac = join(folder, `alpaca-${port}.pac`)
      const servers = upstreams.map(upstream => `PROXY 127.0.0.1:${upstream}`).join('; ')
      await writeFile(pac, `function FindProxyForURL() { return '${servers}' }\n`)
      // user@domain:hash of the password, as its own -H prints it.
      const account = 'NTLM_CREDENTIALS=bench@CORP:cd06ca7c7e10c99b1d33b7485a2ed808'
      return start(port, 'env', [account, path, '-p', `${port}`, '-C', `file://${pac}`])
    },
  }
}

function floor(): Subject {
  const file = fileURLToPath(new URL('floor.js', import.meta.url))
  return {
    name: 'bare node',
    what: 'the legs of NTLM and a relay in plain node, nothing else',
    ntlm: 'feigned',
    start: async ({ upstreams: [upstream] }) => {
      const port = await freePort()
      return start(port, process.execPath, [file, `${upstream}`, `${port}`])
    },
  }
}

function haproxyRelay(path: string): Subject {
  return {
    name: 'HAProxy',
    what: 'relays TCP, without NTLM',
    ntlm: 'none',
    start: async ({ folder, open }) => {
      const port = await freePort()
      const config = join(folder, `haproxy-${port}.cfg`)
      const text = [
        'defaults',
        '  mode tcp',
        '  timeout connect 5s',
        '  timeout client 5m',
        '  timeout server 5m',
        'listen bench',
        `  bind 127.0.0.1:${port}`,
        `  server upstream 127.0.0.1:${open}`,
        '',
      ]
      await writeFile(config, text.join('\n'))
      return start(port, path, ['-db', '-f', config])
    },
  }
}

function relay(): Subject {
  return {
    name: 'bare relay',
    what: 'relays TCP in one thread of C, without NTLM',
    ntlm: 'none',
    start: async ({ native, open }) => ({ ...(await startRelay(native, open)), startedMs: 0 }),
  }
}

async function start(
  port: number,
  program: string,
  args: readonly string[],
  folder?: string,
): Promise<Running> {
  const began = performance.now()
  const daemon: Daemon = await startDaemon(program, args, () => accepts(port))
  return {
    port,
    pid: daemon.pid,
    startedMs: performance.now() - began,
    stop: async () => {
      await daemon.stop('SIGTERM', 3_000)
      if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
