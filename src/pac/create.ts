import { type CancelSignal, NEVER_CANCELLED } from '../core/index.ts'
import { loadRuntime } from './engine.ts'
import { Evaluator, MEMORY_LIMIT, type Pac, type PacOptions } from './evaluator.ts'
import type { Runtime } from './interpreter.ts'
import { threadRuntime } from './thread-host.ts'

/**
 * Loads a script into an interpreter in this thread. When the promise resolves, the script has been parsed and its top
 * level has run, so a broken script is detected here.
 * @throws ProxyError PAC_SYNTAX, PAC_TIMEOUT, PAC_MEMORY, CONFIG (quickjs-wasi is not installed) or CLIENT_ABORTED.
 */
export async function createPac(
  source: string,
  options: PacOptions,
  signal?: CancelSignal,
): Promise<Pac> {
  return load(source, options, await loadRuntime(engineOptions(options)), signal)
}

/** Like createPac, but in a separate thread, which is terminated if the script does not finish. @throws as createPac. */
export async function createIsolatedPac(
  source: string,
  options: PacOptions,
  signal?: CancelSignal,
): Promise<Pac> {
  return load(source, options, threadRuntime(engineOptions(options)), signal)
}

async function load(
  source: string,
  options: PacOptions,
  runtime: Runtime,
  signal = NEVER_CANCELLED,
): Promise<Pac> {
  const pac = new Evaluator(source, options, runtime)
  await pac.load(signal)
  return pac
}

function engineOptions(options: PacOptions): Parameters<typeof loadRuntime>[0] {
  const { clock, memoryLimit = MEMORY_LIMIT, timezoneOffset } = options
  return { clock, memoryLimit, ...(timezoneOffset === undefined ? {} : { timezoneOffset }) }
}
