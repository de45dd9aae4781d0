import { type AccessFields, accessText } from './access-record.ts'
import { plain } from './plain.ts'

/** One line of the JSON log, parsed. */
export interface LogLine {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly event?: string
  readonly [field: string]: unknown
}

export interface TextStyle {
  readonly colour: boolean
  /** Off where whoever reads the lines stamps them too, as journald does. */
  readonly time: boolean
}

const COLOURS: Readonly<Record<string, string>> = {
  fatal: '\u001b[31;1m',
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[36m',
  trace: '\u001b[90m',
}
const RESET = '\u001b[0m'

/** A line of the log for a person: time, level, message and `name=value` for each field; without line end. */
export function textLine(line: LogLine, style: TextStyle): string {
  const level = line.level.padEnd(5)
  const words = [style.colour ? `${COLOURS[line.level] ?? ''}${level}${RESET}` : level, body(line)]
  if (style.time) words.unshift(line.time)
  return words.join(' ')
}

function body(line: LogLine): string {
  if (isAccessLine(line)) return accessText(line)
  const { level, time, event, msg, err, ...fields } = line
  const words = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`)
  return [msg, ...words].join(' ') + stackOf(err)
}

function isAccessLine(line: LogLine): line is LogLine & AccessFields {
  return line.event === 'request.finished'
}

/** The stack of an error under its line, indented, so that a bug report is one copy and paste. */
function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null || !('stack' in err)) return ''
  const lines = String(err.stack).split('\n')
  return lines.map(line => `\n    ${plain(line.trim()).replace(/^"|"$/g, '')}`).join('')
}
