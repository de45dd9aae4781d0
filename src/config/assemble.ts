import { type Config, newDraft } from './config.ts'
import { DIRECTIVES, findDirective } from './directives.ts'
import { type ConfigIssue, type Directive, ENVIRONMENT, type Origin, sortIssues } from './issues.ts'
import {
  ACCOUNT_SECRETS,
  checkLaws,
  HASHES,
  hasPassword,
  namesSecret,
  needsLogon,
  type Purpose,
  type Reading,
  settleListeners,
} from './laws.ts'
import { printableName, suggestName } from './names.ts'

export interface AssembledConfig {
  /** undefined if there is any error. */
  readonly config: Config | undefined
  readonly issues: ConfigIssue[]
  /** Where the password is still to be read, also when there is an error elsewhere. */
  readonly passwordFile: PasswordFile | undefined
}

/** What says where the password is. */
export interface PasswordFile {
  readonly path: string
  readonly origin: Origin
}

export interface ReadOptions {
  /** Default serve. */
  readonly purpose?: Purpose
  /** Something else listens already, so that no Listen is needed. */
  readonly hasListener?: boolean
}

export interface AssembleOptions extends ReadOptions {
  /** Beats the file and is beaten by the command line. */
  readonly environment?: readonly Directive[]
  /** What was found where secrets usually are: everything beats it. */
  readonly found?: readonly Directive[]
}

const NAMES = DIRECTIVES.map(spec => spec.name)

/**
 * Makes the directives of a file, and those that override them, into a configuration. The command line (`overrides`) beats the
 * environment, and that the file:
 * - of a directive with one value the strongest source counts; within it the last of the command line, else the first, as with cntlm;
 * - of a list all count, the strongest source first; but Allow and Deny of a stronger source replace those of the others;
 * - the strongest source that names a secret of the account decides about it: Password beats PasswordFile, and that the hashes.
 * All problems are reported at once, in the order of the lines.
 */
export function assembleConfig(
  directives: readonly Directive[],
  overrides: readonly Directive[] = [],
  { environment = [], found = [], purpose = 'serve', hasListener = false }: AssembleOptions = {},
): AssembledConfig {
  const reading: Reading = { draft: newDraft(), given: new Map(), failed: new Set(), purpose }
  const sources = [lastOfEach(overrides), environment, directives]
  const read = sources.flatMap(source => readSource(source, reading))
  if (needsLogon(reading)) read.push(...readSource(found, reading))
  const passwordFile = settlePassword(reading)
  const noticed = read.map(issue => (isSpareHash(issue, reading) ? ignoredHash(issue) : issue))
  const settled = settleListeners(reading.draft)
  const broken = checkLaws(reading, settled.listeners, hasListener)
  const issues = [...noticed, ...settled.issues, ...broken]
  const hasError = issues.some(issue => issue.level === 'error')
  return {
    config: hasError ? undefined : freezeConfig({ ...reading.draft, listeners: settled.listeners }),
    issues: sortIssues(issues),
    passwordFile,
  }
}

/** On a command line the last of several counts. */
function lastOfEach(overrides: readonly Directive[]): Directive[] {
  return overrides.filter((directive, index) => {
    const spec = findDirective(directive.name)
    if (spec === undefined || spec.repeatable) return true
    return !overrides.slice(index + 1).some(later => findDirective(later.name) === spec)
  })
}

/** Reads a source into what the stronger ones have left. */
function readSource(directives: readonly Directive[], reading: Reading): ConfigIssue[] {
  const stronger = new Map(reading.given)
  const rules = stronger.get('Allow') ?? stronger.get('Deny')
  const hasSecret = namesSecret(reading)
  return directives.flatMap(directive => {
    const spec = findDirective(directive.name)
    if (spec === undefined) return readDirective(directive, reading)
    if (!spec.repeatable && stronger.has(spec.name)) return []
    if (hasSecret && ACCOUNT_SECRETS.includes(spec.name)) return []
    if (rules !== undefined && (spec.name === 'Allow' || spec.name === 'Deny')) {
      const message = `was ignored, the rules of ${sourceOf(rules)} replace those of ${sourceOf(directive.origin)}`
      return [warning(directive.origin, spec.name, message)]
    }
    return readDirective(directive, reading)
  })
}

function sourceOf({ source }: Origin): string {
  if (source === 'argv') return 'the command line'
  return source.startsWith(ENVIRONMENT) ? 'the environment' : 'the file'
}

function settlePassword({ draft, given }: Reading): PasswordFile | undefined {
  const { password, passwordFile: path } = draft
  if (password !== undefined) {
    draft.passwordFrom = given.get('Password')?.source
    draft.passwordFile = undefined
    return undefined
  }
  draft.passwordFrom = path
  const origin = given.get('PasswordFile')
  return path === undefined || origin === undefined ? undefined : { path, origin }
}

/** A hash is of no use beside a password: what is wrong with it keeps nobody from serving, as with cntlm. */
function isSpareHash({ level, directive }: ConfigIssue, { draft }: Reading): boolean {
  const isHash = HASHES.some(name => name === directive)
  return level === 'error' && isHash && hasPassword(draft)
}

function ignoredHash(issue: ConfigIssue): ConfigIssue {
  return { ...issue, level: 'warning', hint: 'it was ignored, as the password beats it' }
}

function readDirective(directive: Directive, reading: Reading): ConfigIssue[] {
  const { value, origin } = directive
  const spec = findDirective(directive.name)
  if (spec === undefined) return [unknownDirective(directive)]
  const earlier = reading.given.get(spec.name)
  if (earlier === undefined) reading.given.set(spec.name, origin)
  if (spec.status !== 'active') {
    const message = 'does nothing any more and was ignored'
    return earlier === undefined ? [warning(origin, spec.name, message, spec.doc)] : []
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
    pacTrust: freezeList(config.pacTrust),
    acl: freezeList(config.acl),
    headers: freezeList(config.headers),
  })
}

function freezeList<T>(items: readonly T[]): readonly T[] {
  return Object.freeze(items.map(item => Object.freeze(item)))
}
