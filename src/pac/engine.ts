import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type * as QuickJsModule from 'quickjs-wasi'
import type { JSException, JSValueHandle, QuickJS } from 'quickjs-wasi'
import { type Clock, ProxyError } from '../core/index.ts'
import type { Outcome } from './dns-trace.ts'
import { HELPERS } from './helpers.ts'
import type { Interpreter, Runtime, World } from './interpreter.ts'

export interface EngineOptions {
  readonly clock: Clock
  /** In bytes, for the script, its data and its helpers. */
  readonly memoryLimit: number
  /** Minutes west of UTC; the host's zone when absent. */
  readonly timezoneOffset?: number
}

/**
 * Interpreters in this thread. Loads quickjs-wasi on demand: it is an optional dependency, not needed without PAC.
 * @throws ProxyError CONFIG when it is not installed.
 */
export async function loadRuntime(options: EngineOptions): Promise<Runtime> {
  try {
    const quickjs = await import('quickjs-wasi')
    const path = fileURLToPath(import.meta.resolve('quickjs-wasi/quickjs.wasm'))
    const wasm = await readFile(path)
    return { start: () => startEngine(quickjs, wasm, options) }
  } catch (cause) {
    const detail = 'Pac needs the package quickjs-wasi; install it with npm install quickjs-wasi'
    throw new ProxyError('CONFIG', { detail, cause })
  }
}

/** The longest result that is accepted, in characters. */
const MAX_ANSWER = 65_536

/** Makes a recursion fail in the sandbox before it exhausts the stack of the process. */
const STACK_SIZE = 256 * 1024

const HAS_ENTRY = `typeof FindProxyForURL === 'function' || typeof FindProxyForURLEx === 'function'`

/** Looks the function up on each call, as browsers do, and also finds one declared with const. */
const ENTRY = `(function (url, host) {
  return typeof FindProxyForURL === 'function' ? FindProxyForURL(url, host) : FindProxyForURLEx(url, host)
})`

interface Run {
  readonly world: World
  readonly deadline: number
  stopped: boolean
  expired: boolean
}

/** The current run, for the callbacks from the sandbox. */
class Supervisor {
  readonly #clock: Clock
  run: Run | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(world: World, budgetMs: number): Run {
    this.run = { world, deadline: this.#clock.now() + budgetMs, stopped: false, expired: false }
    return this.run
  }

  /** The interpreter calls this every few thousand steps; true ends the run in a way that the script cannot catch. */
  shouldInterrupt(): boolean {
    if (this.run === undefined) return false
    if (this.#clock.now() > this.run.deadline) this.run.expired = true
    return this.run.expired || this.run.stopped
  }

  addressesOf(name: string): string {
    const addresses = this.run?.world.names.recall(name)
    if (addresses !== undefined) return addresses.join(';')
    if (this.run !== undefined) this.run.stopped = true
    // Ends most scripts immediately; one that catches it is interrupted a little later.
    throw new Error(`the addresses of ${name} are not known yet`)
  }
}

async function startEngine(
  quickjs: typeof QuickJsModule,
  wasm: Uint8Array,
  { clock, memoryLimit, timezoneOffset }: EngineOptions,
): Promise<Engine> {
  const supervisor = new Supervisor(clock)
  const vm = await quickjs.QuickJS.create({
    wasm,
    memoryLimit,
    maxStackSize: STACK_SIZE,
    timezoneOffset: timezoneOffset ?? 'host',
    interruptHandler: () => supervisor.shouldInterrupt(),
    wasi: (memory: { readonly buffer: ArrayBuffer }) => ({
      clock_time_get(_clock: number, _precision: bigint, at: number) {
        const nanoseconds = BigInt(Math.trunc(clock.wallMs())) * 1_000_000n
        new DataView(memory.buffer).setBigUint64(at, nanoseconds, true)
        return 0
      },
    }),
  })
  vm.withScope(() => {
    const ask = vm.newFunction('ask', name => vm.newString(supervisor.addressesOf(textOf(name))))
    const tellLocal = vm.newFunction('tellLocal', () =>
      vm.newString(supervisor.run?.world.localAddresses.join(';') ?? ''),
    )
    const say = vm.newFunction('say', text => {
      supervisor.run?.world.alert(textOf(text))
      return vm.undefined
    })
    vm.callFunction(vm.evalCode(HELPERS, 'helpers'), vm.undefined, ask, tellLocal, say)
  })
  const isException = (error: unknown): error is JSException => error instanceof quickjs.JSException
  return new Engine(vm, supervisor, isException)
}

function textOf(handle: JSValueHandle | undefined): string {
  return handle?.isString === true ? handle.toString() : ''
}

/**
 * An interpreter in this thread. Its limits cover the script's own steps, regular expressions and memory. A script can
 * still block the thread for hours with one call of a built-in function, such as reversing an array-like of length
 * 2^53; the host of the thread has to handle that.
 */
class Engine implements Interpreter {
  readonly #vm: QuickJS
  readonly #supervisor: Supervisor
  readonly #isException: (error: unknown) => error is JSException

  constructor(
    vm: QuickJS,
    supervisor: Supervisor,
    isException: (error: unknown) => error is JSException,
  ) {
    this.#vm = vm
    this.#supervisor = supervisor
    this.#isException = isException
  }

  load(source: string, world: World, budgetMs: number): Outcome<void> {
    return this.#attempt(world, budgetMs, () => {
      this.#vm.evalCode(source, 'pac')
      if (this.#vm.dump(this.#vm.evalCode(HAS_ENTRY)) !== true) {
        throw new ProxyError('PAC_SYNTAX', { detail: 'it has no function FindProxyForURL' })
      }
    })
  }

  find(url: string, host: string, world: World, budgetMs: number): Outcome<string> {
    return this.#attempt(world, budgetMs, () => {
      const vm = this.#vm
      const entry = vm.evalCode(ENTRY, 'entry')
      const answer = vm.callFunction(entry, vm.undefined, vm.newString(url), vm.newString(host))
      if (!answer.isString) {
        const kind = answer.isNull ? 'null' : vm.typeof(answer)
        // Only the host: a query may hold secrets, and this is logged.
        const detail = `FindProxyForURL gave ${kind} for ${host}, not a string`
        throw new ProxyError('PAC_SYNTAX', { detail })
      }
      const text = answer.toString()
      if (text.length > MAX_ANSWER) {
        const detail = `FindProxyForURL gave ${text.length} characters for ${host}`
        throw new ProxyError('PAC_SYNTAX', { detail })
      }
      return text
    })
  }

  close(): void {
    // It holds only memory, which is freed with the last reference. A broken interpreter could not be disposed of
    // explicitly anyway.
  }

  #attempt<T>(world: World, budgetMs: number, body: () => T): Outcome<T> {
    const run = this.#supervisor.begin(world, budgetMs)
    try {
      const value = this.#vm.withScope(body)
      // A script that caught the interruption has produced a meaningless result.
      if (!run.stopped) return { kind: 'done', value }
    } catch (error) {
      if (run.expired) {
        throw new ProxyError('PAC_TIMEOUT', { detail: 'it was stopped when its time was up' })
      }
      if (!run.stopped) throw this.#failure(error)
      if (this.#isException(error)) error.dispose()
    } finally {
      this.#supervisor.run = undefined
    }
    return { kind: 'stopped' }
  }

  #failure(error: unknown): unknown {
    if (error instanceof ProxyError) return error
    if (!this.#isException(error)) {
      // A WebAssembly trap: the interpreter is lost.
      const detail = `the interpreter broke down, ${String(error)}`
      return new ProxyError('PAC_MEMORY', { detail, cause: error })
    }
    const { name, message, stack } = error
    error.dispose()
    if (name === 'InternalError' && message === 'out of memory') {
      return new ProxyError('PAC_MEMORY', { detail: 'it used up the memory it is given' })
    }
    const line = /\bpac:(\d+)/.exec(String(stack))?.[1]
    const what = oneLine(`${name}: ${message}`)
    return new ProxyError('PAC_SYNTAX', {
      detail: line === undefined ? what : `${what} in line ${line}`,
    })
  }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 200)
}
