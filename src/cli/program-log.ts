import { isatty } from 'node:tty'
import type { Config } from '../config/index.ts'
import { systemBlock, systemClock } from '../core/index.ts'
import {
  createLogger,
  leadsToJournal,
  LineQueue,
  LineWriter,
  LogFile,
  type Logger,
  type LogOutput,
  STANDARD_OUTPUT,
  standardOutput,
} from '../observe/index.ts'
import type { Identity } from '../service/index.ts'

export interface ProgramLogOptions {
  readonly config: Config
  /** -T, which overrides any configuration. */
  readonly logFile: string | undefined
  /** The owner of a file that root creates. */
  readonly owner: Identity | undefined
  readonly complain: (line: string) => void
  readonly onLost: (lines: number) => void
}

/** A prepared change of the log's destination or format, not yet in use. */
export interface LogMove {
  commit(): void
  undo(): void
}

/** Both undefined: standard output. */
interface Place {
  readonly path: string | undefined
  readonly file: LogFile | undefined
}

/** The destination and format of the running program's log. */
export class ProgramLog {
  readonly logger: Logger
  readonly #options: ProgramLogOptions
  readonly #writer: LineWriter
  readonly #queue: LineQueue
  #place: Place

  /** @throws ProxyError CONFIG when a log file is configured and cannot be opened. */
  constructor(options: ProgramLogOptions) {
    const { config, onLost } = options
    this.#options = options
    this.#place = this.#open(this.#pathOf(config))
    this.#queue = new LineQueue({
      clock: systemClock,
      block: systemBlock,
      sink: this.#place.file ?? standardOutput(),
      onLost,
    })
    this.#writer = new LineWriter(this.#outputFor(config, this.#place))
    this.logger = createLogger(config.logLevel, this.#writer)
  }

  /** The path of the log file; undefined for standard output. */
  get path(): string | undefined {
    return this.#place.path
  }

  get linesLost(): number {
    return this.#queue.lost
  }

  /** @returns false when there is a log file and it cannot be reopened. */
  reopen(): boolean {
    return this.#place.file?.reopen() ?? true
  }

  /** @throws ProxyError CONFIG when the log file of the new configuration cannot be opened; nothing has changed then. */
  prepare(config: Config): LogMove {
    const path = this.#pathOf(config)
    const before = this.#place
    const after = path === before.path ? before : this.#open(path)
    return {
      commit: () => {
        this.logger.level = config.logLevel
        this.#writer.output = this.#outputFor(config, after)
        if (after === before) return
        this.#place = after
        this.#queue.redirect(after.file ?? standardOutput())
        before.file?.close()
      },
      undo: () => {
        if (after !== before) after.file?.close()
      },
    }
  }

  /** Writes the buffered lines before the process exits. */
  finish(): void {
    this.#queue.finish()
  }

  #pathOf({ logFile }: Config): string | undefined {
    return this.#options.logFile ?? logFile
  }

  #open(path: string | undefined): Place {
    const { complain, owner } = this.#options
    if (path === undefined) return { path, file: undefined }
    const onProblem = (problem: string): void => complain(`tsntlm: ${problem}`)
    return { path, file: new LogFile({ path, owner, onProblem }) }
  }

  #outputFor({ logFormat }: Config, { file }: Place): LogOutput {
    const isTerminal = file === undefined && isatty(STANDARD_OUTPUT)
    const usual = isTerminal ? 'text' : 'json'
    return {
      format: logFormat === 'auto' ? usual : logFormat,
      colour: isTerminal,
      journald:
        file === undefined && leadsToJournal(STANDARD_OUTPUT, process.env['JOURNAL_STREAM']),
      destination: this.#queue,
    }
  }
}
