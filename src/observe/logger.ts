import { isatty } from 'node:tty'
import { type DestinationStream, type Level, type Logger, pino } from 'pino'
import { type LogLine, textLine } from './text-line.ts'

export type { Logger } from 'pino'
export type LogLevel = Level | 'silent'
export type LogFormat = 'json' | 'text'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** A file descriptor (1 is standard output) or anything that takes lines. */
  readonly destination: number | { write(line: string): void }
  /** Standard output is the systemd journal: each line begins with `<n>`, its syslog priority (sd-daemon(3)). */
  readonly journald: boolean
}

/** pino hands the level of each line to a stream that has this property. */
const METADATA = Symbol.for('pino.metadata')

/** Syslog priorities (RFC 5424 section 6.2.1) by pino's level number. */
const PRIORITIES: Readonly<Record<number, number>> = { 60: 2, 50: 3, 40: 4, 30: 6, 20: 7, 10: 7 }

class LineWriter implements DestinationStream {
  readonly [METADATA] = true
  /** Set by pino before each write. */
  lastLevel = 30
  readonly #options: LoggerOptions
  readonly #out: DestinationStream
  readonly #colour: boolean

  constructor(options: LoggerOptions, out: DestinationStream) {
    this.#options = options
    this.#out = out
    const { destination, journald } = options
    this.#colour = typeof destination === 'number' && isatty(destination) && !journald
  }

  write(json: string): void {
    const { format, journald } = this.#options
    const style = { colour: this.#colour, time: !journald }
    const text = format === 'json' ? json : `${textLine(JSON.parse(json) as LogLine, style)}\n`
    if (!journald) {
      this.#out.write(text)
      return
    }
    const prefix = `<${PRIORITIES[this.lastLevel] ?? 6}>`
    this.#out.write(text.replace(/^(?=.)/gm, prefix))
  }
}

/**
 * The log of the program: one line an event, JSON or text. Lines are written at once and in this thread, so that none is lost
 * when the process ends; a reader that has gone away is no reason to stop serving.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    new LineWriter(options, openDestination(options.destination)),
  )
}

function openDestination(destination: LoggerOptions['destination']): DestinationStream {
  if (typeof destination !== 'number') return destination
  // What cannot be written (a full disk, a reader gone) is kept up to maxLength and then dropped: there is nowhere left to
  // report it.
  const stream = pino.destination({ dest: destination, sync: true, maxLength: 1_048_576 })
  stream.on('error', () => undefined)
  return stream
}
