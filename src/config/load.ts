import { closeSync, existsSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { assembleConfig, type AssembledConfig, type AssembleOptions } from './assemble.ts'
import { type ConfigIssue, type Directive, sortIssues } from './issues.ts'
import { decodeConfigText, parseDirectives } from './lexer.ts'
import { isSecretName } from './names.ts'

export interface ConfigFile {
  readonly path: string
  /** Unix time of the last change of content or mode. */
  readonly changedAtMs: number
}

export interface LoadedConfig extends AssembledConfig {
  /** What was read. */
  readonly files: readonly ConfigFile[]
}

const PATHS = ['/etc/tsntlm.conf', '/etc/cntlm.conf']

/** The first configuration file that is there: tsntlm's own, then cntlm's. */
export function findConfigFile(exists: (path: string) => boolean = existsSync): string | undefined {
  return PATHS.find(exists)
}

/** Reads and assembles a file. What goes wrong is an issue, nothing is thrown. */
export function loadConfigFile(
  path: string,
  overrides: readonly Directive[] = [],
  options: AssembleOptions = {},
): LoadedConfig {
  let file: { readonly bytes: Buffer; readonly stats: Stats }
  try {
    file = readWithStats(path)
  } catch (error) {
    return { config: undefined, issues: [unreadable(path, error)], files: [] }
  }
  const { bytes, stats } = file
  const lexed = parseDirectives(decodeConfigText(bytes), path)
  const { config, issues } = assembleConfig(lexed.directives, overrides, options)
  return {
    config,
    issues: sortIssues([...issues, ...lexed.issues, ...checkMode(lexed.directives, stats)]),
    files: [{ path, changedAtMs: Math.max(stats.mtimeMs, stats.ctimeMs) }],
  }
}

/** One descriptor for both, so that the times belong to the bytes when an editor replaces the file. */
function readWithStats(path: string): { bytes: Buffer; stats: Stats } {
  const fd = openSync(path, 'r')
  try {
    return { stats: fstatSync(fd), bytes: readFileSync(fd) }
  } finally {
    closeSync(fd)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
}

function unreadable(path: string, error: unknown): ConfigIssue {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return {
    level: 'error',
    origin: { source: path, line: 0, column: 0 },
    directive: undefined,
    message: `the configuration cannot be read: ${REASONS[code] ?? code}`,
    hint: code === 'EACCES' ? 'the user that runs tsntlm needs read permission' : undefined,
  }
}

const READABLE_BY_OTHERS = 0o044

/** Windows has no such bits: node makes them up. */
function checkMode(directives: readonly Directive[], { mode }: Stats): ConfigIssue[] {
  const secret = directives.find(({ name }) => isSecretName(name))
  const isExposed = process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0
  if (secret === undefined || !isExposed) return []
  return [
    {
      level: 'warning',
      origin: { ...secret.origin, line: 0, column: 0 },
      directive: undefined,
      message: 'other users can read the file, and it holds the secret of the account',
      hint: `chmod 600 ${secret.origin.source}`,
    },
  ]
}
