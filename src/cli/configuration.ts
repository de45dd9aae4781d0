import { hostname } from 'node:os'
import {
  assembleConfig,
  type AssembleOptions,
  type Config,
  type ConfigIssue,
  type Directive,
  findConfigFile,
  loadConfigFile,
  type LoadedConfig,
} from '../config/index.ts'
import { isProxyError } from '../core/index.ts'
import { buildCredentials } from '../service/index.ts'
import type { BuildInput } from '../service/index.ts'

export interface Configuration {
  /** undefined when there is an error among the issues. */
  readonly input: BuildInput | undefined
  readonly issues: readonly ConfigIssue[]
  readonly file: string | undefined
}

/** Reads the configuration and everything that depends on it, and gathers all problems. */
export function readConfiguration(
  path: string | undefined,
  overrides: readonly Directive[],
  options: AssembleOptions = {},
): Configuration {
  const file = path ?? findConfigFile()
  const { config, issues, files } = load(file, overrides, options)
  if (config === undefined) return { input: undefined, issues, file }
  const configChangedAtMs = Math.max(0, ...files.map(({ changedAtMs }) => changedAtMs))
  const account = readAccount(config, file ?? 'argv')
  const all = [...issues, ...account.issues]
  const hasError = all.some(issue => issue.level === 'error')
  return {
    input: hasError
      ? undefined
      : {
          config,
          credentials: account.credentials,
          alternative: account.alternative,
          configChangedAtMs,
        },
    issues: all,
    file,
  }
}

/** As with cntlm the command line can say everything, so a file is missing only where it says nothing. */
function load(
  file: string | undefined,
  overrides: readonly Directive[],
  options: AssembleOptions,
): LoadedConfig {
  if (file !== undefined) return loadConfigFile(file, overrides, options)
  if (overrides.length === 0) return { config: undefined, issues: [NO_FILE], files: [] }
  return { ...assembleConfig([], overrides, options), files: [] }
}

const NO_FILE: ConfigIssue = {
  level: 'error',
  origin: undefined,
  directive: undefined,
  message: 'there is neither /etc/tsntlm.conf nor /etc/cntlm.conf',
  hint: 'name a file with --config FILE, or try the program with: tsntlm demo',
}

interface Account {
  readonly credentials: BuildInput['credentials']
  readonly alternative?: BuildInput['alternative']
  readonly issues: readonly ConfigIssue[]
}

function readAccount(config: Config, file: string): Account {
  if (config.upstreams.length === 0) return { credentials: undefined, issues: [] }
  const origin = { source: file, line: 0, column: 0 }
  try {
    const { credentials, alternative, warnings } = buildCredentials(config, hostname())
    const issues = warnings.map(
      message =>
        ({ level: 'warning', origin, directive: undefined, message, hint: undefined }) as const,
    )
    return { credentials, alternative, issues }
  } catch (error) {
    if (!isProxyError(error)) throw error
    const message = error.detail ?? error.message
    return {
      credentials: undefined,
      issues: [{ level: 'error', origin, directive: undefined, message, hint: undefined }],
    }
  }
}
