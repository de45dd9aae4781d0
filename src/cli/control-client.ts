import { existsSync } from 'node:fs'
import { type Directive, findConfigFile, readDirectives } from '../config/index.ts'
import { askControl, type ControlQuestion } from '../control/index.ts'
import { isProxyError } from '../core/index.ts'
import { socketToAsk } from './control-path.ts'
import { takeEnvironment } from './environment.ts'

export interface ControlArguments {
  /** --socket: beats what the configuration says. */
  readonly socket: string | undefined
  readonly config: string | undefined
}

export interface Reply {
  readonly status: number
  readonly body: unknown
}

/** A time for everything but a reload, which may look up names. */
const PATIENCE_MS = 10_000

/** Asks the running tsntlm. @returns undefined when it cannot be reached; the reason, and what to do, was said then. */
export async function askRunning(
  command: string,
  args: ControlArguments,
  question: Omit<ControlQuestion, 'timeoutMs'> & { readonly timeoutMs?: number },
  complain: (line: string) => void,
): Promise<Reply | undefined> {
  const say = (text: string): undefined => complain(`tsntlm ${command}: ${text}`) as undefined
  const found = findSocket(args)
  if ('problem' in found) return say(found.problem)
  const { path } = found
  const answer = await askControl(path, { timeoutMs: PATIENCE_MS, ...question })
  if (answer.kind === 'unreachable') return say(EXPLANATIONS[answer.why](path, answer.text))
  if (answer.status >= 400 && answer.status !== 422) return say(errorOf(answer.body))
  return { status: answer.status, body: answer.body }
}

export type FoundSocket = { readonly path: string } | { readonly problem: string }

/** Only this one directive is read: that a configuration has errors is a reason to ask the running program. */
export function findSocket({ socket, config }: ControlArguments): FoundSocket {
  if (socket !== undefined) return { path: socket }
  const read = readGiven(config)
  if ('problem' in read) return read
  const given = read.directives.find(({ name }) => name.toLowerCase() === 'controlsocket')
  if (given?.value.toLowerCase() === 'off') {
    const { source } = given.origin
    return { problem: `ControlSocket is off in ${source}: the running tsntlm has none` }
  }
  if (given !== undefined) return { path: given.value }
  const isRoot = process.getuid?.() === 0
  return { path: socketToAsk({ env: process.env, isRoot, isThere: existsSync }) }
}

/** A file that only its owner can read is no obstacle, unless it was asked for. */
function readGiven(
  config: string | undefined,
): { readonly directives: readonly Directive[] } | { readonly problem: string } {
  const environment = takeEnvironment().config.directives
  const file = config ?? findConfigFile()
  if (file === undefined) return { directives: environment }
  try {
    return { directives: [...environment, ...readDirectives(file)] }
  } catch (error) {
    if (!isProxyError(error)) throw error
    if (config === undefined) return { directives: environment }
    return { problem: error.detail ?? error.message }
  }
}

const EXPLANATIONS = {
  missing: (path: string) =>
    `there is no ${path}. Is tsntlm running (systemctl status tsntlm)? If it is, ControlSocket in its configuration says ` +
    'where its socket is: name that file with --config, or the socket with --socket',
  dead: (path: string) =>
    `nobody listens on ${path} any more: tsntlm has ended without removing it, start it again`,
  forbidden: (path: string) =>
    `this user may not open ${path}: it is for root and the user that tsntlm runs as, so try sudo`,
  other: (path: string, text: string) => `${path} gives no answer that makes sense: ${text}`,
} as const

function errorOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'error' in body) return String(body.error)
  return 'it answers with an error that says nothing: is it another version of tsntlm?'
}
