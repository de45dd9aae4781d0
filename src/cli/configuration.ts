import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import {
  type Config,
  type ConfigFile,
  type ConfigIssue,
  type Directive,
  findConfigFile,
  loadConfig,
  type ReadOptions,
  type LookUp,
  resolveClientNames,
  sortIssues,
} from '../config/index.ts'
import { isProxyError, systemClock } from '../core/index.ts'
import { resolveAll } from '../net/index.ts'
import { buildCredentials, type BuildInput, workstationOf } from '../service/index.ts'
import { type Environment, takeEnvironment } from './environment.ts'

export interface Configuration {
  /** undefined when there is an error among the issues. */
  readonly input: BuildInput | undefined
  readonly issues: readonly ConfigIssue[]
  readonly file: string | undefined
}

/** The settings of file, environment and command line, without the account derived from them. */
export interface Settings extends Omit<Configuration, 'input'> {
  readonly config: Config | undefined
  /** Unix time in ms. */
  readonly configChangedAtMs: number
  /** See BuildInput. */
  readonly secretOrigin: string
}

export function readSettings(
  path: string | undefined,
  overrides: readonly Directive[],
  options: ReadOptions = {},
): Settings {
  const file = path ?? findConfigFile()
  const environment = takeEnvironment()
  if (file === undefined && overrides.length + environment.config.directives.length === 0) {
    const issues = [...environment.config.issues, NO_FILE]
    return { config: undefined, issues, file, configChangedAtMs: 0, secretOrigin: '' }
  }
  const { config, issues, files } = load(file, environment, overrides, options)
  const configChangedAtMs = Math.max(0, ...files.map(({ changedAtMs }) => changedAtMs))
  const secretOrigin = config === undefined ? '' : originOfSecret(config, files)
  return { config, issues, file, configChangedAtMs, secretOrigin }
}

/** Reads the configuration, the environment, and all that depends on them, and collects all problems. Client names stay as written. */
export function readConfiguration(
  path: string | undefined,
  overrides: readonly Directive[],
  options: ReadOptions = {},
): Configuration {
  const settings = readSettings(path, overrides, options)
  const { config, issues, file, configChangedAtMs, secretOrigin } = settings
  if (config === undefined) return { input: undefined, issues, file }
  const account = readAccount(config, file)
  const all = [...issues, ...account.issues]
  const hasError = all.some(issue => issue.level === 'error')
  return {
    input: hasError
      ? undefined
      : {
          config,
          credentials: account.credentials,
          alternative: account.alternative,
          workstation: workstationOf(config, hostname()),
          configChangedAtMs,
          secretOrigin,
          file: file && resolve(file),
        },
    issues: all,
    file,
  }
}

/** The configuration as the proxy needs it, with the host names of Allow and Deny resolved. */
export async function readWithClientNames(
  path: string | undefined,
  overrides: readonly Directive[],
  options: ReadOptions = {},
  lookUp: LookUp = resolveAll,
): Promise<Configuration> {
  const { input, issues, file } = readConfiguration(path, overrides, options)
  if (input === undefined) return { input, issues, file }
  const names = await resolveClientNames(input.config, lookUp)
  return {
    input: names.config === undefined ? undefined : { ...input, config: names.config },
    issues: sortIssues([...issues, ...names.issues]),
    file,
  }
}

/**
 * Identifies the file that holds the secret, and its version. A variable or an argument looks the same in every process that the unit
 * starts, so a change of it cannot be detected; neither can a change of a file in memory, which is copied at each start.
 */
function originOfSecret(
  { passwordFile, passwordFrom }: Config,
  files: readonly ConfigFile[],
): string {
  const file = files.find(({ path }) => path === (passwordFile ?? passwordFrom))
  const isElsewhere = passwordFrom === 'argv' || passwordFrom?.startsWith('env:') === true
  const parts = isElsewhere ? [passwordFrom] : [file ?? files[0]]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

/** Where Docker mounts secrets in a container. */
const DOCKER_SECRETS = '/run/secrets'

/** As with cntlm, the command line can replace the whole file, and so can the environment: then no file is required. */
function load(
  file: string | undefined,
  { config: environment, credentialsDirectory }: Environment,
  overrides: readonly Directive[],
  options: ReadOptions,
): ReturnType<typeof loadConfig> {
  const credentials = credentialsDirectory === undefined ? [] : [credentialsDirectory]
  return loadConfig(
    {
      file,
      environment,
      usualPasswordFiles: [
        ...credentials.flatMap(folder => [`${folder}/tsntlm-password`, `${folder}/password`]),
        `${DOCKER_SECRETS}/tsntlm_password`,
      ],
      closedFolders: [...credentials, DOCKER_SECRETS],
      startedAtMs: systemClock.wallMs() - process.uptime() * 1_000,
      ...options,
    },
    overrides,
  )
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

/** Without it everything goes directly, or clients log on with accounts of their own; the laws of the configuration saw to that. */
function hasAccount({ username, password, passNt, passLm, passNtlmV2 }: Config): boolean {
  const secrets = [password, passNt, passLm, passNtlmV2]
  return username !== '' && secrets.some(secret => secret !== undefined)
}

function readAccount(config: Config, file: string | undefined): Account {
  if (!hasAccount(config)) return { credentials: undefined, issues: [] }
  const origin = file === undefined ? undefined : { source: file, line: 0, column: 0 }
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
