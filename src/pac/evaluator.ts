import { type Clock, isProxyError, ProxyError } from '../core/index.ts'
import {
  type KnownAddresses,
  NameCache,
  type Outcome,
  type ResolveName,
  traceNames,
} from './dns-trace.ts'
import { type Engine, loadRuntime, type Runtime, type World } from './engine.ts'

export interface PacOptions {
  readonly clock: Clock
  readonly resolve: ResolveName
  /** For myIpAddress: the addresses of this host, the one that reaches the network first. */
  readonly localAddresses: () => readonly string[]
  /** Gets what the script says with alert(). */
  readonly onAlert?: (text: string) => void
  /** Time for one question, without the waiting for names. The process does nothing else meanwhile. Default 500. */
  readonly findMs?: number
  /** Time for the script's top level. Default 2000. */
  readonly loadMs?: number
  /** In bytes. Default 32 MiB. */
  readonly memoryLimit?: number
  /** Minutes west of UTC; the host's zone when absent. */
  readonly timezoneOffset?: number
}

/** A script that was loaded and can be asked. */
export interface Pac {
  /**
   * What the script answers, like `PROXY a:8080; DIRECT`. For https and wss the script sees the URL without path and query, and
   * always without user information and fragment: what browsers do, because the script's author need not know more.
   * @param host name or address of the URL, without brackets and port.
   * @throws ProxyError PAC_SYNTAX (the script threw, or gave no string), PAC_TIMEOUT, PAC_MEMORY, BAD_TARGET, CLIENT_ABORTED.
   */
  find(url: string, host: string, signal: AbortSignal): Promise<string>
}

const FIND_MS = 500
const LOAD_MS = 2_000
const MEMORY_LIMIT = 32 * 1024 * 1024
const MAX_ALERTS = 20
const MAX_ALERT_LENGTH = 500

/** So many faults in a row, and a script that wastes time and memory is left alone for a while. */
const FAULTS_BEFORE_REST = 3
const REST_MS = 30_000

/**
 * Loads a script: it is parsed and its top level has run when the promise resolves, so a script that cannot work shows itself here.
 * @throws ProxyError PAC_SYNTAX, PAC_TIMEOUT, PAC_MEMORY, CONFIG (quickjs-wasi is not installed) or CLIENT_ABORTED.
 */
export async function createPac(
  source: string,
  options: PacOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<Pac> {
  const pac = new Evaluator(source, options, await loadRuntime())
  await pac.load(signal)
  return pac
}

class Evaluator implements Pac {
  readonly #source: string
  readonly #options: PacOptions
  readonly #runtime: Runtime
  readonly #names: NameCache
  #engine: Engine | undefined
  #faults = 0
  #restUntil = 0

  constructor(source: string, options: PacOptions, runtime: Runtime) {
    this.#source = source
    this.#options = options
    this.#runtime = runtime
    this.#names = new NameCache(options.resolve, options.clock)
  }

  /** An engine of its own for each run: a top level cannot run twice in one. */
  async load(signal: AbortSignal): Promise<Engine> {
    const { clock, memoryLimit = MEMORY_LIMIT, loadMs = LOAD_MS, timezoneOffset } = this.#options
    const zone = timezoneOffset === undefined ? {} : { timezoneOffset }
    this.#engine = await this.#run(signal, loadMs, async (world, leftMs) => {
      const engine = await this.#runtime.start({ clock, memoryLimit, ...zone })
      const outcome = engine.load(this.#source, world, leftMs)
      return outcome.kind === 'done' ? { kind: 'done', value: engine } : outcome
    })
    return this.#engine
  }

  async find(url: string, host: string, signal: AbortSignal): Promise<string> {
    const shown = stripUrl(url)
    const { clock, findMs = FIND_MS } = this.#options
    if (clock.now() < this.#restUntil) {
      const detail = 'it ran out of time or memory again and again and is not run for a while'
      throw new ProxyError('PAC_TIMEOUT', { detail })
    }
    try {
      const engine = this.#engine ?? (await this.load(signal))
      const answer = await this.#run(signal, findMs, (world, leftMs) =>
        engine.find(shown, host, world, leftMs),
      )
      this.#faults = 0
      return answer
    } catch (error) {
      this.#noteFault(error)
      throw error
    }
  }

  /** Runs `attempt` until it needs no further name. All its runs together have `budgetMs`, and only the last one's alerts count. */
  async #run<T>(
    signal: AbortSignal,
    budgetMs: number,
    attempt: (world: World, leftMs: number) => Outcome<T> | Promise<Outcome<T>>,
  ): Promise<T> {
    const { clock, localAddresses, onAlert } = this.#options
    let leftMs = budgetMs
    let alerts: string[] = []
    const once = async (known: KnownAddresses): Promise<Outcome<T>> => {
      const began = clock.now()
      alerts = []
      const alert = (text: string): void => {
        if (alerts.length < MAX_ALERTS) alerts.push(text.slice(0, MAX_ALERT_LENGTH))
      }
      const outcome = await attempt({ known, localAddresses, alert }, leftMs)
      leftMs -= clock.now() - began
      return outcome
    }
    const value = await traceNames(this.#names, once, signal)
    for (const text of alerts) onAlert?.(text)
    return value
  }

  #noteFault(error: unknown): void {
    if (!isProxyError(error) || !['PAC_TIMEOUT', 'PAC_MEMORY'].includes(error.code)) return
    this.#engine = undefined
    this.#faults++
    if (this.#faults >= FAULTS_BEFORE_REST) this.#restUntil = this.#options.clock.now() + REST_MS
  }
}

function stripUrl(text: string): string {
  if (!URL.canParse(text)) throw new ProxyError('BAD_TARGET', { detail: 'it is no URL' })
  const url = new URL(text)
  url.hash = ''
  url.username = ''
  url.password = ''
  if (url.protocol === 'https:' || url.protocol === 'wss:') {
    url.pathname = ''
    url.search = ''
  }
  return url.href
}
