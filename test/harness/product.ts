import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { freePort } from './real/port.ts'
import { type Finished, run, type RunOptions, startDaemon } from './real/run.ts'

/** One line of the program's JSON log. */
export interface ProductLogLine {
  readonly level: string
  readonly msg: string
  readonly event?: string
  readonly [field: string]: unknown
}

export interface ProductOptions {
  /** Lines of the configuration; Listen and StateDirectory are added, and ControlSocket and Warm where there is none. */
  readonly config: readonly string[]
  /** Where the state of accounts is kept; a folder of its own by default. */
  readonly stateDirectory?: string
  /** How many descriptors it may have, as with ulimit -n. */
  readonly descriptors?: number
  /** The NODE_OPTIONS that it is started with; without, none. */
  readonly nodeOptions?: string
}

export interface Product {
  readonly port: number
  readonly pid: number
  /** The configuration file. */
  readonly config: string
  /** What clients take as their proxy. */
  readonly url: string
  log(): ProductLogLine[]
  /** Sends SIGTERM (or another signal) and gives the exit code. Further calls give the same. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Stops it and starts it again with the same configuration file, port and state. */
  restart(): Promise<Product>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BIN = join(ROOT, 'bin/tsntlm.js')

/** Starts the program as a user does, `node bin/tsntlm.js --config FILE`, and waits until it says that it is ready. */
export async function startProduct(options: ProductOptions): Promise<Product> {
  await buildIfMissing()
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'tsntlm-product-'))
  const config = join(dir, 'cntlm.conf')
  const lines = [
    ...options.config,
    `Listen 127.0.0.1:${port}`,
    `StateDirectory ${options.stateDirectory ?? dir}`,
    // Of several the first counts. The usual place of the socket is one for all, and spares would be counted as logons.
    'ControlSocket off',
    'Warm off',
    '',
  ]
  await writeFile(config, lines.join('\n'), { mode: 0o600 })
  const { descriptors, nodeOptions } = options
  return launch({ port, dir, config, descriptors, nodeOptions })
}

interface Place {
  readonly port: number
  readonly dir: string
  readonly config: string
  readonly descriptors: number | undefined
  readonly nodeOptions: string | undefined
}

async function launch(place: Place): Promise<Product> {
  // tap has its children load a module of its own first; no user's environment does.
  const own = place.nodeOptions === undefined ? [] : [`NODE_OPTIONS=${place.nodeOptions}`]
  const node = ['env', '-u', 'NODE_OPTIONS', ...own, process.execPath]
  const program = [...node, BIN, '--config', place.config]
  const [command = '', ...args] =
    place.descriptors === undefined
      ? program
      : ['sh', '-c', `ulimit -n ${place.descriptors} && exec "$@"`, 'sh', ...program]
  const daemon = await startDaemon(command, args, output =>
    parseLog(output).some(line => line.event === 'service.started'),
  )
  let code: Promise<number | null> | undefined
  const end = (signal?: NodeJS.Signals): Promise<number | null> => (code ??= daemon.stop(signal))
  return {
    port: place.port,
    pid: daemon.pid,
    config: place.config,
    url: `http://127.0.0.1:${place.port}`,
    log: () => parseLog(daemon.output()),
    async stop(signal) {
      const result = await end(signal)
      await rm(place.dir, { recursive: true, force: true, maxRetries: 5 })
      return result
    },
    async restart() {
      await end()
      return launch(place)
    },
  }
}

/** Runs the program to its end: for `check`, `--help` and everything else that is no daemon. */
export async function runProduct(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  await buildIfMissing()
  return run(process.execPath, [BIN, ...args], options)
}

/** A module of the built program, by its path below dist. */
export async function importBuilt(path: string): Promise<unknown> {
  await buildIfMissing()
  const module: unknown = await import(pathToFileURL(join(ROOT, 'dist', path)).href)
  return module
}

/** `npm test` builds before the suites; this is for a single suite in a fresh clone. */
async function buildIfMissing(): Promise<void> {
  if (existsSync(join(ROOT, 'dist/cli/main.js'))) return
  const { code, stdout, stderr } = await run('npm', ['run', 'build'], { cwd: ROOT })
  if (code !== 0) throw new Error(`the build failed:\n${stdout.toString()}${stderr}`)
}

function parseLog(output: string): ProductLogLine[] {
  return output
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as ProductLogLine)
}
