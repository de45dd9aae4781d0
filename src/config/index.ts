export { type AssembledConfig, type AssembleOptions, assembleConfig } from './assemble.ts'
export {
  type AccessRule,
  type Config,
  DEFAULTS,
  type Dialect,
  type HeaderSetting,
  type ListenAddress,
  type LogFormat,
  type LogLevel,
  type PassEncoding,
  type Served,
  type SocksUser,
} from './config.ts'
export { describeConfig } from './describe.ts'
export type { DirectiveSpec } from './directive-rows.ts'
export { DIRECTIVES } from './directives.ts'
export { type ConfigIssue, type Directive, formatIssue, type Origin } from './issues.ts'
export { decodeConfigText, type LexedConfig, parseDirectives } from './lexer.ts'
export { type ConfigFile, findConfigFile, type LoadedConfig, loadConfigFile } from './load.ts'
export { suggestName } from './names.ts'
