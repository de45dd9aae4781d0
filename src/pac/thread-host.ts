import { Worker } from 'node:worker_threads'
import { type Clock, ProxyError } from '../core/index.ts'
import type { Outcome } from './dns-trace.ts'
import type { EngineOptions } from './engine.ts'
import type { Interpreter, Runtime, World } from './interpreter.ts'
import { THREAD_FILE, type ThreadOptions, type ThreadReply, type ThreadTask } from './thread.ts'

/** Limits for the thread's own JavaScript. The script's memory is limited by its interpreter. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 }

/** Time for a thread to become ready, on a busy machine. */
const START_MS = 5_000

/** From sources, the thread needs the loader that the process was started with; the built program needs no options. */
const EXEC_ARGV = THREAD_FILE.pathname.endsWith('.ts') ? process.execArgv : []

/** How much longer the thread's host waits than its interpreter. */
const MARGIN_MS = 1_000

/**
 * Interpreters in separate threads. One call of a built-in function can block an interpreter for hours without a check
 * of the deadline. Then the thread is terminated, which always works.
 */
export function threadRuntime({ clock, memoryLimit, timezoneOffset }: EngineOptions): Runtime {
  const zone = timezoneOffset === undefined ? {} : { timezoneOffset }
  return {
    start: async () => {
      const interpreter = new ThreadInterpreter(clock, { room: 'pac', memoryLimit, ...zone })
      await interpreter.ready()
      return interpreter
    },
  }
}

interface Waiting {
  readonly resolve: (reply: ThreadReply) => void
  readonly reject: (error: ProxyError) => void
}

class ThreadInterpreter implements Interpreter {
  readonly #clock: Clock
  readonly #worker: Worker
  #waiting: Waiting | undefined
  #end: ProxyError | undefined

  constructor(clock: Clock, workerData: ThreadOptions) {
    this.#clock = clock
    this.#worker = new Worker(THREAD_FILE, {
      workerData,
      env: {},
      argv: [],
      execArgv: EXEC_ARGV,
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: HEAP_LIMITS,
    })
    this.#worker.unref()
    this.#worker.on('message', (reply: ThreadReply) => this.#waiting?.resolve(reply))
    this.#worker.on('error', cause => this.#fail(breakdown(cause)))
    this.#worker.on('exit', () => this.#fail(breakdown(undefined)))
  }

  /** @throws ProxyError CONFIG when quickjs-wasi is not installed, PAC_TIMEOUT. */
  async ready(): Promise<void> {
    try {
      const reply = await this.#reply(START_MS)
      if (reply.kind === 'failed') throw failureOf(reply)
    } catch (error) {
      this.close()
      throw error
    }
  }

  async load(source: string, world: World, budgetMs: number): Promise<Outcome<void>> {
    const outcome = await this.#call({ kind: 'load', source }, world, budgetMs)
    return outcome.kind === 'done' ? { kind: 'done', value: undefined } : outcome
  }

  async find(url: string, host: string, world: World, budgetMs: number): Promise<Outcome<string>> {
    return this.#call({ kind: 'find', url, host }, world, budgetMs)
  }

  close(): void {
    this.#fail(new ProxyError('PAC_TIMEOUT', { detail: 'it was closed' }))
  }

  async #call(
    call: ThreadTask['call'],
    { names, localAddresses, alert }: World,
    budgetMs: number,
  ): Promise<Outcome<string>> {
    const task: ThreadTask = { call, budgetMs, names: names.used, localAddresses }
    const answer = this.#reply(budgetMs + MARGIN_MS)
    this.#worker.postMessage(task)
    const reply = await answer
    if (reply.kind === 'stopped') {
      names.recall(reply.name)
      return { kind: 'stopped' }
    }
    for (const text of reply.alerts) alert(text)
    if (reply.kind === 'failed') throw failureOf(reply)
    return { kind: 'done', value: reply.value }
  }

  /** The next message of the thread. The thread keeps the process alive only while one is awaited. */
  async #reply(limitMs: number): Promise<ThreadReply> {
    if (this.#end !== undefined) throw this.#end
    const detail = 'it did not come to an end and was stopped'
    const timer = this.#clock.setTimer(limitMs, () =>
      this.#fail(new ProxyError('PAC_TIMEOUT', { detail })),
    )
    this.#worker.ref()
    try {
      return await new Promise<ThreadReply>((resolve, reject) => {
        this.#waiting = { resolve, reject }
      })
    } finally {
      timer.cancel()
      this.#waiting = undefined
      this.#worker.unref()
    }
  }

  #fail(error: ProxyError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#waiting?.reject(error)
    void this.#worker.terminate()
  }
}

function failureOf({ code, detail }: Extract<ThreadReply, { kind: 'failed' }>): ProxyError {
  return new ProxyError(code, detail === undefined ? {} : { detail })
}

function breakdown(cause: unknown): ProxyError {
  const isHeap =
    cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
  if (isHeap) return new ProxyError('PAC_MEMORY', { detail: 'its thread ran out of memory', cause })
  const reason = cause instanceof Error ? cause.message : 'it ended by itself'
  return new ProxyError('BUG', { detail: `the thread of Pac broke down, ${reason}`, cause })
}
