import { type DestinationStream, type Level, type Logger, pino } from 'pino'
import { type LogLine, textLine } from './text-line.ts'

export type { Logger } from 'pino'
export type LogLevel = Level | 'silent'
export type LogFormat = 'json' | 'text'

/** How and where lines are written. */
export interface LogOutput {
  readonly format: LogFormat
  /** For a terminal. */
  readonly colour: boolean
  /** For the systemd journal: each line begins with `<n>`, its syslog priority (sd-daemon(3)). */
  readonly journald: boolean
  readonly destination: { write(line: string): void }
}

/** pino sets `lastLevel` on a stream that has this property. */
const METADATA = Symbol.for('pino.metadata')

/** Syslog priorities (RFC 5424 section 6.2.1) by pino's level number. */
const PRIORITIES: Readonly<Record<number, number>> = { 60: 2, 50: 3, 40: 4, 30: 6, 20: 7, 10: 7 }

/** What pino writes to. */
export class LineWriter implements DestinationStream {
  readonly [METADATA] = true
  /** Set by pino before each write. */
  lastLevel = 30
  /** A reload may change it. */
  output: LogOutput

  constructor(output: LogOutput) {
    this.output = output
  }

  write(json: string): void {
    const { colour, destination, format, journald } = this.output
    const style = { colour: colour && !journald, time: !journald }
    const text = format === 'json' ? json : `${textLine(JSON.parse(json) as LogLine, style)}\n`
    const prefix = `<${PRIORITIES[this.lastLevel] ?? 6}>`
    destination.write(journald ? text.replace(/^(?=.)/gm, prefix) : text)
  }
}

/** The log of the program: one line per event, JSON or text. */
export function createLogger(level: LogLevel, writer: LineWriter): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    writer,
  )
}
