import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type ErrorCode, systemClock, toProxyError } from '../core/index.ts'
import { nameOf } from './dns-trace.ts'
import { loadRuntime } from './engine.ts'
import type { Interpreter, World } from './interpreter.ts'

/** A task for the thread, one at a time. */
export interface ThreadTask {
  readonly call:
    | { readonly kind: 'load'; readonly source: string }
    | { readonly kind: 'find'; readonly url: string; readonly host: string }
  readonly budgetMs: number
  /** The addresses that the script may know, by `nameOf`. */
  readonly names: ReadonlyMap<string, readonly string[]>
  readonly localAddresses: readonly string[]
}

/** The outcome of a task. A thread that becomes ready sends one unsolicited `done`. */
export type ThreadReply =
  | { readonly kind: 'done'; readonly value: string; readonly alerts: readonly string[] }
  | { readonly kind: 'stopped'; readonly name: string }
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode
      readonly detail: string | undefined
      readonly alerts: readonly string[]
    }

export interface ThreadOptions {
  readonly room: 'pac'
  readonly memoryLimit: number
  readonly timezoneOffset?: number
}

/** This file, as source or built. Importing it outside the thread does nothing. */
export const THREAD_FILE = new URL(import.meta.url)

if (parentPort !== null && isThreadOptions(workerData)) void serve(parentPort, workerData)

function isThreadOptions(data: unknown): data is ThreadOptions {
  return typeof data === 'object' && data !== null && 'room' in data && data.room === 'pac'
}

async function serve(port: MessagePort, options: ThreadOptions): Promise<void> {
  try {
    const { memoryLimit, timezoneOffset } = options
    const zone = timezoneOffset === undefined ? {} : { timezoneOffset }
    const runtime = await loadRuntime({ clock: systemClock, memoryLimit, ...zone })
    const interpreter = await runtime.start()
    port.on('message', (task: ThreadTask) => {
      void carryOut(interpreter, task).then(reply => port.postMessage(reply))
    })
    port.postMessage({ kind: 'done', value: '', alerts: [] } satisfies ThreadReply)
  } catch (error) {
    port.postMessage(failed(error, []))
  }
}

async function carryOut(interpreter: Interpreter, task: ThreadTask): Promise<ThreadReply> {
  const alerts: string[] = []
  let missing = ''
  const recall = (text: string): readonly string[] | undefined => {
    const name = nameOf(text)
    const found = name === undefined ? [] : task.names.get(name)
    if (found === undefined && name !== undefined && missing === '') missing = name
    return found
  }
  const world: World = {
    names: { recall, used: task.names },
    localAddresses: task.localAddresses,
    alert: text => void alerts.push(text),
  }
  try {
    const outcome = await callOf(interpreter, task, world)
    if (outcome.kind === 'stopped') return { kind: 'stopped', name: missing }
    return { kind: 'done', value: outcome.value ?? '', alerts }
  } catch (error) {
    return failed(error, alerts)
  }
}

function callOf(
  interpreter: Interpreter,
  { call, budgetMs }: ThreadTask,
  world: World,
): ReturnType<Interpreter['load']> | ReturnType<Interpreter['find']> {
  return call.kind === 'load'
    ? interpreter.load(call.source, world, budgetMs)
    : interpreter.find(call.url, call.host, world, budgetMs)
}

function failed(error: unknown, alerts: readonly string[]): ThreadReply {
  const { code, detail } = toProxyError(error)
  return { kind: 'failed', code, detail, alerts }
}
