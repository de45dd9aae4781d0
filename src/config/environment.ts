import { DIRECTIVES, findDirective } from './directives.ts'
import type { DirectiveSpec } from './directive-rows.ts'
import { type ConfigIssue, type Directive, ENVIRONMENT, type Origin } from './issues.ts'
import type { LexedConfig } from './lexer.ts'
import { isSecretName, suggestName } from './names.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export interface EnvironmentConfig extends LexedConfig {
  /** The variables whose value is a secret. */
  readonly secretVariables: readonly string[]
}

const PREFIX = 'TSNTLM_'

/**
 * What Kubernetes tells every container about a service named tsntlm: `TSNTLM_SERVICE_HOST`, `TSNTLM_PORT` and
 * `TSNTLM_PORT_3128_TCP_ADDR` are no settings, and nobody has mistyped them.
 */
const SERVICE_LINK =
  /^(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** Lists whose values have neither commas nor white space in them. */
const WORD_LISTS = ['Proxy', 'Listen', 'SOCKS5Proxy', 'Tunnel', 'Allow', 'Deny']

const NAMES = DIRECTIVES.map(({ name }) => name)

interface Variable {
  readonly name: string
  readonly spec: DirectiveSpec
  readonly text: string
}

/**
 * The directives that `TSNTLM_` variables stand for. The name is the directive's in upper case, with or without underscores
 * between its words. An empty variable is as good as none. A list has its values on lines of their own, or between commas or white space
 * where they cannot hold these. No issue shows a value.
 */
export function parseEnvironment(variables: Variables): EnvironmentConfig {
  const directives: Directive[] = []
  const issues: ConfigIssue[] = []
  const secretVariables: string[] = []
  const known = new Map<string, string>()
  for (const name of Object.keys(variables).sort()) {
    const text = variables[name] ?? ''
    const rest = settingName(name)
    if (rest === undefined || text === '') continue
    const spec = findDirective(rest.replaceAll('_', ''))
    if (spec === undefined) {
      issues.push(unknownVariable(name, rest))
      continue
    }
    const variable = { name, spec, text }
    if (isSecretName(spec.name)) secretVariables.push(name)
    const earlier = known.get(spec.name)
    if (earlier !== undefined && !spec.repeatable) {
      issues.push(warning(variable, `was ignored, ${earlier} sets it already`))
      continue
    }
    known.set(spec.name, name)
    directives.push(...toDirectives(variable))
    issues.push(...lookAt(variable))
  }
  return { directives, issues, secretVariables }
}

/** What is behind the prefix, or undefined for a variable that is none of ours. */
function settingName(variable: string): string | undefined {
  const rest = variable.slice(PREFIX.length)
  const isOurs = variable.startsWith(PREFIX) && /^[A-Za-z0-9_]+$/.test(rest)
  return isOurs && !SERVICE_LINK.test(rest) ? rest : undefined
}

function toDirectives({ name, spec, text }: Variable): Directive[] {
  const origin = originOf(name)
  return valuesOf(spec, text).map(value => ({ name: spec.name, value, origin }))
}

function valuesOf({ name, repeatable }: DirectiveSpec, text: string): string[] {
  const lines = repeatable ? text.split(WORD_LISTS.includes(name) ? /[\s,;]+/ : /\r?\n/) : [text]
  // White space can belong to a password, the end of a line that a tool left there cannot.
  const values = lines.map(line => (isSecretName(name) ? line.replace(/\r?\n$/, '') : line.trim()))
  return values.filter(value => value !== '')
}

function lookAt(variable: Variable): ConfigIssue[] {
  const { spec, text } = variable
  const issues: ConfigIssue[] = []
  if (text.length > 1 && /^["']/.test(text) && text.endsWith(text.charAt(0))) {
    const hint = 'only a shell takes them away, an env-file of docker does not'
    issues.push(warning(variable, 'the quotes around the value are part of it', hint))
  }
  if (isSecretName(spec.name)) {
    const message = 'other processes of this user can read it, and so can docker inspect'
    issues.push(warning(variable, message, saferPlace(spec)))
  }
  return issues
}

function saferPlace({ name }: DirectiveSpec): string {
  return name === 'SOCKS5User'
    ? 'a configuration file with mode 600 is safer'
    : `${PREFIX}PASSWORD_FILE with the path of a file is safer`
}

function unknownVariable(name: string, rest: string): ConfigIssue {
  const near = suggestName(rest.replaceAll('_', ''), NAMES)
  return {
    level: 'warning',
    origin: originOf(name),
    directive: undefined,
    message: 'no directive has this name, it was ignored',
    hint: near === undefined ? undefined : `did you mean ${PREFIX}${near.toUpperCase()}?`,
  }
}

function warning({ name, spec }: Variable, message: string, hint?: string): ConfigIssue {
  return { level: 'warning', origin: originOf(name), directive: spec.name, message, hint }
}

function originOf(variable: string): Origin {
  return { source: `${ENVIRONMENT}${variable}`, line: 0, column: 0 }
}
