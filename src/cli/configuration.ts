import { hostname } from 'node:os'
import {
  type Config,
  type ConfigIssue,
  type Directive,
  findConfigFile,
  loadConfigFile,
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
): Configuration {
  const file = path ?? findConfigFile()
  if (file === undefined) return { input: undefined, issues: [NO_FILE], file }
  const { config, issues, files } = loadConfigFile(file, overrides)
  if (config === undefined) return { input: undefined, issues, file }
  const configChangedAtMs = Math.max(0, ...files.map(({ changedAtMs }) => changedAtMs))
  const account = readAccount(config, file)
  const all = [...issues, ...account.issues]
  const hasError = all.some(issue => issue.level === 'error')
  return {
    input: hasError ? undefined : { config, credentials: account.credentials, configChangedAtMs },
    issues: all,
    file,
  }
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
  readonly issues: readonly ConfigIssue[]
}

function readAccount(config: Config, file: string): Account {
  if (config.upstreams.length === 0) return { credentials: undefined, issues: [] }
  const origin = { source: file, line: 0, column: 0 }
  try {
    const { credentials, warnings } = buildCredentials(config, hostname())
    const issues = warnings.map(
      message =>
        ({ level: 'warning', origin, directive: undefined, message, hint: undefined }) as const,
    )
    return { credentials, issues }
  } catch (error) {
    if (!isProxyError(error)) throw error
    const message = error.detail ?? error.message
    return {
      credentials: undefined,
      issues: [{ level: 'error', origin, directive: undefined, message, hint: undefined }],
    }
  }
}
