import type { Config } from './config.ts'
import { DIRECTIVES } from './directives.ts'

/** The effective configuration as a configuration file, one directive a line, with `[secret]` for what must not be shown. */
export function describeConfig(config: Config): string {
  const lines = DIRECTIVES.flatMap(spec => spec.show(config)).map(
    ({ name, value }) => `${name.padEnd(19)} ${quoteIfNeeded(value)}\n`,
  )
  return lines.join('')
}

/** In quotes what the lexer would cut otherwise. */
function quoteIfNeeded(value: string): string {
  return /^["#;\s]|#|\s$/.test(value) ? `"${value}"` : value
}
