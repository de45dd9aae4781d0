import { existsSync, type Stats } from 'node:fs'
import { ProxyError } from '../core/index.ts'
import { assembleConfig, type AssembledConfig, type ReadOptions } from './assemble.ts'
import { type ConfigIssue, type Directive, formatIssue, type Origin, sortIssues } from './issues.ts'
import { decodeConfigText, type LexedConfig, parseDirectives } from './lexer.ts'
import { isSecretName } from './names.ts'
import { isThere, type PasswordSurroundings, readPasswordFile } from './password-file.ts'
import {
  changeTimeOf,
  explainUnreadable,
  isReadableByOthers,
  type ReadFile,
  readWithStats,
  stampOf,
} from './read-file.ts'

export interface ConfigFile {
  readonly path: string
  /** Unix time of the last change of content or mode; 0 when the time of the file says nothing about its content. */
  readonly changedAtMs: number
  /** Changes when the file is replaced by another one; empty if that says nothing about its content. */
  readonly stamp: string
}

export interface LoadedConfig extends Pick<AssembledConfig, 'config' | 'issues'> {
  /** The files that were read. */
  readonly files: readonly ConfigFile[]
}

const PATHS = ['/etc/tsntlm.conf', '/etc/cntlm.conf']

/** The first existing configuration file: tsntlm's own, then cntlm's. */
export function findConfigFile(exists: (path: string) => boolean = existsSync): string | undefined {
  return PATHS.find(exists)
}

/** The sources of a configuration, apart from the command line. */
export interface ConfigSources extends PasswordSurroundings, ReadOptions {
  /** undefined when there is none: the others can say everything. */
  readonly file: string | undefined
  readonly environment: LexedConfig
  /** Where the password is when nothing says anything about it; the first file that is there counts. */
  readonly usualPasswordFiles: readonly string[]
}

/** Reads and assembles a configuration. What goes wrong is an issue, nothing is thrown. */
export function loadConfig(
  sources: ConfigSources,
  overrides: readonly Directive[] = [],
): LoadedConfig {
  const { environment } = sources
  const file = readConfigFile(sources.file)
  if (file.directives === undefined)
    return { config: undefined, issues: [...environment.issues, ...file.issues], files: [] }
  const { config, issues, passwordFile } = assembleConfig(file.directives, overrides, {
    environment: environment.directives,
    found: findPassword(sources.usualPasswordFiles),
    purpose: sources.purpose ?? 'serve',
    hasListener: sources.hasListener ?? false,
  })
  const all = [...environment.issues, ...issues, ...file.issues]
  if (passwordFile === undefined) return { config, issues: sortIssues(all), files: file.files }
  const read = readPasswordFile(passwordFile, sources)
  return {
    config:
      config === undefined || read.password === undefined
        ? undefined
        : Object.freeze({ ...config, password: read.password }),
    issues: sortIssues([...all, ...read.issues]),
    files: [
      ...file.files,
      ...(read.changedAtMs === undefined
        ? []
        : [
            {
              path: passwordFile.path,
              changedAtMs: read.changedAtMs,
              stamp: read.stamp,
            },
          ]),
    ],
  }
}

/**
 * The directives of a file as they are written, for a command that needs some of them before the rest makes sense.
 * @throws ProxyError CONFIG when it cannot be read.
 */
export function readDirectives(path: string): readonly Directive[] {
  const { directives, issues } = readConfigFile(path)
  if (directives !== undefined) return directives
  throw new ProxyError('CONFIG', { detail: issues.map(formatIssue).join('\n') })
}

interface ReadConfigFile {
  /** undefined when the file could not be read. */
  readonly directives: readonly Directive[] | undefined
  readonly issues: readonly ConfigIssue[]
  readonly files: readonly ConfigFile[]
}

function readConfigFile(path: string | undefined): ReadConfigFile {
  if (path === undefined) return { directives: [], issues: [], files: [] }
  let file: ReadFile
  try {
    file = readWithStats(path)
  } catch (error) {
    return { directives: undefined, issues: [unreadable(path, error)], files: [] }
  }
  const { directives, issues } = parseDirectives(decodeConfigText(file.bytes), path)
  return {
    directives,
    issues: [...issues, ...checkMode(directives, file.stats)],
    files: [{ path, changedAtMs: changeTimeOf(file.stats), stamp: stampOf(file.stats) }],
  }
}

function unreadable(path: string, error: unknown): ConfigIssue {
  const { reason, hint } = explainUnreadable(error)
  return {
    level: 'error',
    origin: wholeFile(path),
    directive: undefined,
    message: `the configuration cannot be read: ${reason}`,
    hint,
  }
}

function checkMode(directives: readonly Directive[], stats: Stats): ConfigIssue[] {
  const secret = directives.find(({ name }) => isSecretName(name))
  if (secret === undefined || !isReadableByOthers(stats)) return []
  const { source } = secret.origin
  return [
    {
      level: 'warning',
      origin: wholeFile(source),
      directive: undefined,
      message: 'other users can read the file, and it holds the secret of the account',
      hint: `chmod 600 ${source}`,
    },
  ]
}

function wholeFile(path: string): Origin {
  return { source: path, line: 0, column: 0 }
}

function findPassword(paths: readonly string[]): Directive[] {
  const path = paths.find(isThere)
  return path === undefined ? [] : [{ name: 'PasswordFile', value: path, origin: wholeFile(path) }]
}
