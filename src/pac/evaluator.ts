import {
  Cancellation,
  type CancelSignal,
  type Clock,
  isProxyError,
  NEVER_CANCELLED,
  ProxyError,
} from '../core/index.ts'
import {
  type KnownNames,
  NameCache,
  orAborted,
  type Outcome,
  type ResolveName,
  traceNames,
} from './dns-trace.ts'
import type { Interpreter, Runtime, World } from './interpreter.ts'

export interface PacOptions {
  readonly clock: Clock
  readonly resolve: ResolveName
  /** For myIpAddress: the addresses of this host, the one that reaches the network first. */
  readonly localAddresses: () => readonly string[] | Promise<readonly string[]>
  /** Receives the output of alert(). */
  readonly onAlert?: (text: string) => void
  /** Time for one evaluation, without waiting for names. Default 500. */
  readonly findMs?: number
  /** Time for the script's top level. Default 2000. */
  readonly loadMs?: number
  /** In bytes. Default 32 MiB. */
  readonly memoryLimit?: number
  /** Minutes west of UTC; the host's zone when absent. */
  readonly timezoneOffset?: number
}

/** A loaded script that can be evaluated. */
export interface Pac {
  /**
   * The script's result, like `PROXY a:8080; DIRECT`. For https and wss the script sees the URL without path and query,
   * and always without user information and fragment. Browsers do the same, because the author of the script need not
   * know more.
   * @param host name or address of the URL, without brackets and port.
   * @throws ProxyError PAC_SYNTAX (the script threw, or returned no string), PAC_TIMEOUT, PAC_MEMORY, BAD_TARGET,
   * CLIENT_ABORTED.
   */
  find(url: string, host: string, signal: CancelSignal): Promise<string>
  /** Accepts no new evaluations; those in progress still complete. */
  close(): void
}

const FIND_MS = 500
const LOAD_MS = 2_000
export const MEMORY_LIMIT = 32 * 1024 * 1024
const MAX_ALERTS = 20
const MAX_ALERT_LENGTH = 500

/** For an evaluation from start to finish, and for loading, including the wait for names and for other evaluations. */
const OVERALL_MS = 8_000
const MAX_PENDING = 256

/** After this many faults in a row, a script that wastes time and memory is not run for a while. */
const FAULTS_BEFORE_REST = 3
const REST_MS = 30_000

/** Errors that an interpreter does not survive. */
const FATAL = ['PAC_TIMEOUT', 'PAC_MEMORY', 'BUG']

/** Runs `work` within the remaining time. */
type Timed = <T>(
  work: (world: World, leftMs: number) => Outcome<T> | Promise<Outcome<T>>,
) => Promise<Outcome<T>>

/** Evaluates one script, one run at a time, and starts a new interpreter when one is lost. */
export class Evaluator implements Pac {
  readonly #source: string
  readonly #options: PacOptions
  readonly #runtime: Runtime
  readonly #names: NameCache
  #interpreter: Interpreter | undefined
  #lastTurn: Promise<unknown> = Promise.resolve()
  #pending = 0
  #closed = false
  #faults = 0
  #restUntil = 0

  constructor(source: string, options: PacOptions, runtime: Runtime) {
    this.#source = source
    this.#options = options
    this.#runtime = runtime
    this.#names = new NameCache(options.resolve, options.clock)
  }

  /** @throws ProxyError PAC_SYNTAX, PAC_TIMEOUT, PAC_MEMORY, CONFIG (quickjs-wasi is not installed) or CLIENT_ABORTED. */
  async load(signal: CancelSignal): Promise<void> {
    this.#interpreter = await this.#started(signal)
  }

  async find(url: string, host: string, signal: CancelSignal): Promise<string> {
    const shown = stripUrl(url)
    if (this.#pending >= MAX_PENDING) {
      throw new ProxyError('PAC_TIMEOUT', { detail: 'too many questions wait for it' })
    }
    this.#pending++
    try {
      return await this.#within(signal, async limited => this.#answer(shown, host, limited))
    } finally {
      this.#pending--
      this.#closeWhenDone()
    }
  }

  close(): void {
    this.#closed = true
    this.#closeWhenDone()
  }

  #closeWhenDone(): void {
    if (this.#closed && this.#pending === 0) this.#interpreter?.close()
  }

  async #answer(url: string, host: string, signal: CancelSignal): Promise<string> {
    const { findMs = FIND_MS } = this.#options
    const answer = await this.#trace(signal, findMs, async timed =>
      this.#inTurn(async () => {
        if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
        this.#assertNotResting()
        try {
          const interpreter = (this.#interpreter ??= await this.#started())
          return await timed((world, leftMs) => interpreter.find(url, host, world, leftMs))
        } catch (error) {
          this.#noteFault(error)
          throw error
        }
      }),
    )
    this.#faults = 0
    return answer
  }

  async #started(signal = NEVER_CANCELLED): Promise<Interpreter> {
    const { loadMs = LOAD_MS } = this.#options
    return this.#within(signal, async limited =>
      this.#trace(limited, loadMs, async timed => this.#loadOnce(timed, limited)),
    )
  }

  /** A new interpreter for each run: a top level cannot run twice in the same one. */
  async #loadOnce(timed: Timed, signal: CancelSignal): Promise<Outcome<Interpreter>> {
    const interpreter = await this.#runtime.start()
    let isKept = false
    try {
      const outcome = await timed((world, leftMs) => interpreter.load(this.#source, world, leftMs))
      isKept = outcome.kind === 'done' && !signal.aborted
      return outcome.kind === 'done' ? { kind: 'done', value: interpreter } : outcome
    } finally {
      if (!isKept) interpreter.close()
    }
  }

  /** Runs `attempt` until it needs no further name. All its runs share `budgetMs`, and only the alerts of the last one count. */
  async #trace<T>(
    signal: CancelSignal,
    budgetMs: number,
    attempt: (timed: Timed) => Promise<Outcome<T>>,
  ): Promise<T> {
    const { clock, onAlert } = this.#options
    const localAddresses = await this.#options.localAddresses()
    let leftMs = budgetMs
    let alerts: string[] = []
    const once = async (names: KnownNames): Promise<Outcome<T>> =>
      attempt(async work => {
        alerts = []
        const alert = (text: string): void => {
          if (alerts.length < MAX_ALERTS) alerts.push(text.slice(0, MAX_ALERT_LENGTH))
        }
        const began = clock.now()
        const outcome = await work({ names, localAddresses, alert }, leftMs)
        leftMs -= clock.now() - began
        return outcome
      })
    try {
      return await traceNames(this.#names, once, signal)
    } finally {
      for (const text of alerts) onAlert?.(text)
    }
  }

  /** An interpreter runs one task at a time, so that its time and memory can be measured and limited. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }

  /** @throws ProxyError CLIENT_ABORTED with the signal, PAC_TIMEOUT after OVERALL_MS, and what `work` throws. */
  async #within<T>(signal: CancelSignal, work: (limited: CancelSignal) => Promise<T>): Promise<T> {
    const limit = new Cancellation()
    const leave = (): void => limit.abort()
    const timer = this.#options.clock.setTimer(OVERALL_MS, leave)
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      return await orAborted(work(limit), limit)
    } catch (error) {
      const isAborted = isProxyError(error) && error.code === 'CLIENT_ABORTED'
      if (!isAborted || signal.aborted) throw error
      const detail = 'no answer within 8 seconds, names may be slow to resolve'
      throw new ProxyError('PAC_TIMEOUT', { detail })
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', leave)
    }
  }

  #assertNotResting(): void {
    if (this.#options.clock.now() >= this.#restUntil) return
    const detail = 'it ran out of time or memory again and again and is not run for a while'
    throw new ProxyError('PAC_TIMEOUT', { detail })
  }

  #noteFault(error: unknown): void {
    if (isProxyError(error) && !FATAL.includes(error.code)) return
    this.#interpreter?.close()
    this.#interpreter = undefined
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
