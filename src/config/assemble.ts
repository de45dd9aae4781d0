import { type Config, newDraft } from './config.ts'
import type { DirectiveSpec } from './directive-rows.ts'
import { DIRECTIVES } from './directives.ts'
import { type ConfigIssue, type Directive, type Origin, sortIssues } from './issues.ts'
import { checkLaws, type Reading, settleListeners } from './laws.ts'
import { printableName, suggestName } from './names.ts'

export interface AssembledConfig {
  /** undefined if there is any error. */
  readonly config: Config | undefined
  readonly issues: ConfigIssue[]
}

export interface AssembleOptions {
  /** Something else listens already, so that no Listen is needed. */
  readonly hasListener?: boolean
}

const NAMES = DIRECTIVES.map(spec => spec.name)

const SPECS = new Map(
  DIRECTIVES.flatMap(spec => [spec.name, ...spec.aliases].map(name => [name.toLowerCase(), spec])),
)

/**
 * Makes the directives of a file, and those of the command line that override them, into a configuration.
 * Of a directive with one value the last of `overrides` counts, else the first of the file, as with cntlm. Of a list both
 * count, those of `overrides` first; Allow and Deny of `overrides` replace those of the file.
 * All problems are reported at once, in the order of the lines.
 */
export function assembleConfig(
  directives: readonly Directive[],
  overrides: readonly Directive[] = [],
  { hasListener = false }: AssembleOptions = {},
): AssembledConfig {
  const reading: Reading = { draft: newDraft(), given: new Map(), failed: new Set() }
  const overriding = lastOfEach(overrides).flatMap(directive => readDirective(directive, reading))
  const fromFile = readFile(directives, reading)
  const settled = settleListeners(reading.draft)
  const broken = checkLaws(reading, settled.listeners, hasListener)
  const issues = [...overriding, ...fromFile, ...settled.issues, ...broken]
  const hasError = issues.some(issue => issue.level === 'error')
  return {
    config: hasError ? undefined : freezeConfig({ ...reading.draft, listeners: settled.listeners }),
    issues: sortIssues(issues),
  }
}

function specOf(directive: Directive): DirectiveSpec | undefined {
  return SPECS.get(directive.name.toLowerCase())
}

/** On a command line the last of several counts. */
function lastOfEach(overrides: readonly Directive[]): Directive[] {
  return overrides.filter((directive, index) => {
    const spec = specOf(directive)
    if (spec === undefined || spec.repeatable) return true
    return !overrides.slice(index + 1).some(later => specOf(later) === spec)
  })
}

function readFile(directives: readonly Directive[], reading: Reading): ConfigIssue[] {
  const overridden = new Set(reading.given.keys())
  const hasOtherRules = overridden.has('Allow') || overridden.has('Deny')
  return directives.flatMap(directive => {
    const spec = specOf(directive)
    if (spec !== undefined && !spec.repeatable && overridden.has(spec.name)) return []
    if (hasOtherRules && (spec?.name === 'Allow' || spec?.name === 'Deny')) {
      const message = 'was ignored, the rules of the command line replace those of the file'
      return [warning(directive.origin, spec.name, message)]
    }
    return readDirective(directive, reading)
  })
}

function readDirective(directive: Directive, reading: Reading): ConfigIssue[] {
  const { value, origin } = directive
  const spec = specOf(directive)
  if (spec === undefined) return [unknownDirective(directive)]
  const earlier = reading.given.get(spec.name)
  if (earlier === undefined) reading.given.set(spec.name, origin)
  if (spec.status !== 'active') {
    const [message, hint] =
      spec.status === 'planned'
        ? ['is not supported by this version and was ignored']
        : ['does nothing any more and was ignored', spec.doc]
    return earlier === undefined ? [warning(origin, spec.name, message, hint)] : []
  }
  if (earlier !== undefined && !spec.repeatable) {
    const message = `was ignored, line ${earlier.line} sets it already`
    return [warning(origin, spec.name, message, 'the first one in the file counts')]
  }
  const parsed = spec.read(value, reading.draft, origin)
  if (!parsed.ok) {
    reading.failed.add(spec.name)
    const { error: message, hint } = parsed
    return [{ level: 'error', origin, directive: spec.name, message, hint }]
  }
  return parsed.warnings.map(note => warning(origin, spec.name, note.message, note.hint))
}

function unknownDirective({ name, origin }: Directive): ConfigIssue {
  const near = suggestName(name, NAMES)
  const hint = near === undefined ? undefined : `did you mean ${near}?`
  return warning(origin, printableName(name), 'is no known directive and was ignored', hint)
}

function warning(origin: Origin, directive: string, message: string, hint?: string): ConfigIssue {
  return { level: 'warning', origin, directive, message, hint }
}

function freezeConfig(config: Config): Config {
  return Object.freeze({
    ...config,
    upstreams: freezeList(config.upstreams),
    listeners: freezeList(config.listeners),
    socksUsers: freezeList(config.socksUsers),
    noProxy: freezeList(config.noProxy),
    acl: freezeList(config.acl),
    headers: freezeList(config.headers),
  })
}

function freezeList<T>(items: readonly T[]): readonly T[] {
  return Object.freeze(items.map(item => Object.freeze(item)))
}
