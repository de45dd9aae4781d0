import type { Test } from 'tap'
import type { Clock, ErrorCode } from '../../../src/core/index.ts'
import { createPac, type Pac, type PacOptions } from '../../../src/pac/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

/** False, after saying so in one line, where the optional dependency quickjs-wasi is not installed. */
export async function hasQuickJs(t: Test): Promise<boolean> {
  try {
    await import('quickjs-wasi')
    return true
  } catch {
    t.plan(0, 'quickjs-wasi is not installed')
    return false
  }
}

/** Time that passes by being looked at, one millisecond each: a loop without end comes to the end of its budget. */
export function tickingClock(): Clock {
  const clock = new FakeClock()
  return {
    now() {
      clock.advance(1)
      return clock.now()
    },
    wallMs: () => clock.wallMs(),
    setTimer: (ms, fn) => clock.setTimer(ms, fn),
  }
}

/** Addresses by name. Keeps the names that were asked for; a name that it does not have is not found. */
export class FakeNames {
  readonly asked: string[] = []
  readonly #table: Readonly<Record<string, readonly string[]>>

  constructor(table: Readonly<Record<string, readonly string[]>> = {}) {
    this.#table = table
  }

  readonly resolve = async (name: string): Promise<readonly string[]> => {
    this.asked.push(name)
    const found = this.#table[name]
    if (found === undefined) throw new Error(`no such name: ${name}`)
    return found
  }
}

export const NEVER = new AbortController().signal

export function load(source: string, options: Partial<PacOptions> = {}): Promise<Pac> {
  return createPac(source, {
    clock: new FakeClock(),
    resolve: new FakeNames().resolve,
    localAddresses: () => ['192.0.2.7'],
    ...options,
  })
}

/** Asks for http://host/, or for the URL given. */
export function find(pac: Pac, host = 'www.example.com', url = `http://${host}/`): Promise<string> {
  return pac.find(url, host, NEVER)
}

interface Failure {
  readonly code: ErrorCode
  readonly detail: string | undefined
}

/** The code and the detail of what a promise is rejected with. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<[ErrorCode, string | undefined]> {
  const error: unknown = await promise.then(
    value => new Error(`no failure but ${String(value)}`),
    (reason: unknown) => reason,
  )
  // By its name: a module of the built program has a class of its own.
  if (!(error instanceof Error) || error.name !== 'ProxyError') throw error
  const { code, detail } = error as unknown as Failure
  return [code, detail]
}

/** A script whose function has this body. */
export function scriptOf(body: string): string {
  return `function FindProxyForURL(url, host) { ${body} }`
}

/** A script that evaluates what stands in the place of the host, so that one script serves a table of expressions. */
export async function evaluator(
  options: Partial<PacOptions> = {},
): Promise<(expression: string) => Promise<unknown>> {
  const source =
    'function FindProxyForURL(url, host) { return JSON.stringify(eval(host)) ?? "none" }'
  const pac = await load(source, options)
  return async expression => {
    const text: unknown = JSON.parse(await pac.find('http://x/', expression, NEVER))
    return text
  }
}
