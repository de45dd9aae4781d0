import type { Directive } from '../config/index.ts'
import { Secret } from '../core/index.ts'
import { type Flag, FLAGS } from './flags.ts'
import { type CommandLine, getopt, type GivenOption } from './getopt.ts'

/** A password of the command line, or where it comes from instead. */
export type PasswordSource = Secret<string> | 'terminal' | 'standard input'

export interface RunFlags {
  /** What was given, in its order; the errors are all of the command line's. */
  readonly line: CommandLine<Flag>
  /** What overrides the configuration file; the password comes apart from it. */
  readonly directives: readonly Directive[]
  readonly password: PasswordSource | undefined
}

/** The command line of the run command, as cntlm and getopt(3) understand it. */
export function readRunFlags(argv: readonly string[]): RunFlags {
  const line = getopt(argv, FLAGS)
  const { proxies, errors } = readOperands(line.operands)
  const settings = line.options.flatMap(({ spec, value }) => spec.directives(value))
  const directives = [...settings, ...proxies.map(proxy => ['Proxy', proxy] as const)]
  // As with getopt(3) the help comes before the operands are looked at.
  const isAnswered = ['help', 'version'].some(long => isGiven(line, long))
  return {
    line: { ...line, errors: isAnswered ? line.errors : [...line.errors, ...errors] },
    directives: directives.map(([name, value]) => argvDirective(name, value)),
    password: passwordSource(line),
  }
}

/** The flag's value; of several the last one counts, as with getopt(3). */
export function lastValue(line: CommandLine<Flag>, long: string): string | undefined {
  return line.options.findLast(({ spec }) => spec.long === long)?.value
}

export function isGiven(line: CommandLine<Flag>, long: string): boolean {
  return lastValue(line, long) !== undefined
}

export function argvDirective(name: string, value: string): Directive {
  return { name, value, origin: { source: 'argv', line: 0, column: 0 } }
}

interface Operands {
  readonly proxies: readonly string[]
  readonly errors: readonly string[]
}

/** `host:port`, or `host port` as two operands. */
function readOperands(operands: readonly string[]): Operands {
  const rest = [...operands]
  const proxies: string[] = []
  const errors: string[] = []
  for (let host = rest.shift(); host !== undefined; host = rest.shift()) {
    if (host.includes(':') && !/^\[[^\]]*\]$/.test(host)) {
      proxies.push(host)
      continue
    }
    const port = rest.shift()
    if (port === undefined) {
      errors.push(`${host} is no command, and as an upstream proxy it lacks a port: ${host}:PORT`)
    } else proxies.push(`${host}:${port}`)
  }
  return { proxies, errors }
}

function passwordSource(line: CommandLine<Flag>): PasswordSource | undefined {
  if (isGiven(line, 'ask-password')) return 'terminal'
  const value = lastValue(line, 'password')
  if (value === undefined) return undefined
  return value === '-' ? 'standard input' : new Secret(value)
}

const isOpenPassword = ({ spec, value }: GivenOption<Flag>): boolean =>
  (spec.long === 'password' && value !== '-') || spec.long === 'socks5-user'

/** Whether a password stands in the command line, where other users can read it. */
export function showsPassword(line: CommandLine<Flag>): boolean {
  return line.options.some(isOpenPassword)
}

/** The command line with passwords starred, to be shown instead of the real one. */
export function blankPasswords(line: CommandLine<Flag>): string[] {
  const options = line.options.map(option =>
    toWord(isOpenPassword(option) ? { ...option, value: '****' } : option),
  )
  return [...options, ...line.operands]
}

/**
 * The command line of the process that serves in the background: it has no password in it (`readsPassword`: standard input has),
 * stays where it is, and does not mind that its working directory is another one.
 */
export function backgroundArguments(line: CommandLine<Flag>, readsPassword: boolean): string[] {
  const options = line.options
    .filter(({ spec }) => spec.long !== 'password' && spec.long !== 'ask-password')
    .map(({ spec, value }) => toWord({ spec, value: spec.absolute(value) }))
  const password = readsPassword ? ['--password=-'] : []
  return [...options, ...password, '--foreground', '--', ...line.operands]
}

function toWord({ spec, value }: GivenOption<Flag>): string {
  return spec.argument === undefined ? `--${spec.long}` : `--${spec.long}=${value}`
}
