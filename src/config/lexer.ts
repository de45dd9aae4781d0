import type { ConfigIssue, Directive, Origin } from './issues.ts'
import { printableName } from './names.ts'

export interface LexedConfig {
  readonly directives: Directive[]
  readonly issues: ConfigIssue[]
}

type Warn = (column: number, name: string | undefined, message: string, hint?: string) => void

interface Keyword {
  readonly name: string
  /** Index behind the keyword. */
  readonly end: number
}

/** The index of a value in its line, counted from 0. */
interface Value {
  readonly text: string
  readonly start: number
}

/**
 * The bytes of a configuration file as text: UTF-8 without its byte order mark, or Latin-1 when they are no UTF-8, so that
 * a password keeps its meaning in either.
 */
export function decodeConfigText(bytes: Buffer): string {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const rest = marked ? bytes.subarray(3) : bytes
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rest)
  } catch {
    return rest.toString('latin1')
  }
}

/**
 * Splits a configuration into directives by cntlm's rules: a keyword of ASCII letters and digits, then a value up to `#`
 * or in double quotes. Lines that cntlm drops in silence are dropped with a warning. No issue ever shows a value.
 */
export function parseDirectives(text: string, source: string): LexedConfig {
  const directives: Directive[] = []
  const issues: ConfigIssue[] = []
  text.split('\n').forEach((line, index) => {
    const originAt = (column: number): Origin => ({ source, line: index + 1, column })
    const warn: Warn = (column, name, message, hint) => {
      const directive = name === undefined ? undefined : printableName(name)
      issues.push({ level: 'warning', origin: originAt(column), directive, message, hint })
    }
    const keyword = readKeyword(line, warn)
    if (keyword === undefined) return
    const value = readValue(line, keyword, warn)
    if (value === undefined) return
    directives.push({ name: keyword.name, value: value.text, origin: originAt(value.start + 1) })
  })
  return { directives, issues }
}

function readKeyword(line: string, warn: Warn): Keyword | undefined {
  const start = skipSpace(line, 0)
  const first = line.charAt(start)
  if (first === '' || first === '#' || first === ';') return undefined
  let end = start
  while (isLetterOrDigit(line.charCodeAt(end))) end++
  if (line.charAt(end) === '[') {
    warn(
      start + 1,
      undefined,
      end === start
        ? 'sections have no effect, what follows applies as if it were not there'
        : 'the line reads as a section header and was ignored',
    )
    return undefined
  }
  if (end === start) {
    warn(
      start + 1,
      undefined,
      'the line does not start with a keyword and was ignored',
      'a comment starts with #',
    )
    return undefined
  }
  return { name: line.slice(start, end), end }
}

function readValue(line: string, { name, end }: Keyword, warn: Warn): Value | undefined {
  const start = skipSpace(line, end)
  const first = line.charAt(start)
  if (first === '' || first === '#' || first === ';') {
    const hint =
      first === '' ? undefined : `a value that starts with ${first} goes in double quotes`
    warn(start + 1, name, 'there is no value, the line was ignored', hint)
    return undefined
  }
  if (first === '"') return readQuoted(line, name, start, warn)
  const isAssignment = first === '=' || first === ':'
  if (isAssignment && (start === end || isSpace(line.charCodeAt(start + 1)))) {
    const hint = 'only white space stands between a keyword and its value'
    warn(start + 1, name, `the value starts with "${first}"`, hint)
  }
  const comment = line.indexOf('#', start)
  const stop = comment < 0 ? line.length : comment
  if (comment > 0 && !isSpace(line.charCodeAt(comment - 1))) {
    const hint = 'put the value in double quotes if # belongs to it'
    warn(comment + 1, name, 'the value ends before #', hint)
  }
  return { text: line.slice(start, trimEnd(line, start, stop)), start }
}

function readQuoted(line: string, name: string, quote: number, warn: Warn): Value | undefined {
  const start = quote + 1
  const close = line.indexOf('"', start)
  if (close < 0) {
    warn(start, name, 'the closing quote is missing, the line was ignored')
    return undefined
  }
  const behind = skipSpace(line, close + 1)
  if (behind < line.length && !'#;'.includes(line.charAt(behind))) {
    const hint = 'a quoted value ends at the next double quote and cannot contain one'
    warn(behind + 1, name, 'the text behind the closing quote was ignored', hint)
  }
  return { text: line.slice(start, close), start }
}

function skipSpace(line: string, from: number): number {
  let at = from
  while (isSpace(line.charCodeAt(at))) at++
  return at
}

/** Not a regular expression: one that is anchored at the end alone takes quadratic time on a long run of spaces. */
function trimEnd(line: string, start: number, stop: number): number {
  let end = stop
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--
  return end
}

/** isspace() of the C locale within a line: TAB, VT, FF, CR, space. */
function isSpace(unit: number): boolean {
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d && unit !== 0x0a)
}

function isLetterOrDigit(unit: number): boolean {
  const letter = unit | 0x20
  return (unit >= 0x30 && unit <= 0x39) || (letter >= 0x61 && letter <= 0x7a)
}
