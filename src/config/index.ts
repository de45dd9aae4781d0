export { showAdmin } from './admin-address.ts'
export { type AssembledConfig, assembleConfig, type ReadOptions } from './assemble.ts'
export {
  type AccessRule,
  type AdminAddress,
  type Config,
  DEFAULTS,
  type Dialect,
  type HeaderSetting,
  type ListenAddress,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
  type PassEncoding,
  type Served,
  type SocksUser,
} from './config.ts'
export { addressRules, type LookUp, resolveClientNames } from './client-names.ts'
export { describeConfig } from './describe.ts'
export { type EnvironmentConfig, parseEnvironment } from './environment.ts'
export type { DirectiveSpec } from './directive-rows.ts'
export { DIRECTIVES } from './directives.ts'
export { type ConfigIssue, type Directive, formatIssue, type Origin, sortIssues } from './issues.ts'
export type { Purpose } from './laws.ts'
export { decodeConfigText, type LexedConfig, parseDirectives } from './lexer.ts'
export { type ConfigFile, findConfigFile, loadConfig, readDirectives } from './load.ts'
export { printableName, suggestName } from './names.ts'
export { parseHeader, quote } from './values.ts'
