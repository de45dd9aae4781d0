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
  /** -T: instead of what any configuration says. */
  readonly logFile: string | undefined
  /** Who is to own a file that root makes. */
  readonly owner: Identity | undefined
  readonly complain: (line: string) => void
  readonly onLost: (lines: number) => void
}

/** Another place for the log, or another form of it, not in use yet. */
export interface LogMove {
  commit(): void
  undo(): void
}

/** Both undefined: standard output. */
interface Place {
  readonly path: string | undefined
  readonly file: LogFile | undefined
}

/** Where the log of the running program goes, and in which form. */
export class ProgramLog {
  readonly logger: Logger
  readonly #options: ProgramLogOptions
  readonly #writer: LineWriter
  readonly #queue: LineQueue
  #place: Place

  /** @throws ProxyError CONFIG when there is to be a file and it cannot be opened. */
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

  /** Of its file; undefined on standard output. */
  get path(): string | undefined {
    return this.#place.path
  }

  get linesLost(): number {
    return this.#queue.lost
  }

  /** @returns false when there is a log file and it cannot be opened anew. */
  reopen(): boolean {
    return this.#place.file?.reopen() ?? true
  }

  /** @throws ProxyError CONFIG when the file that another configuration names cannot be opened: all is as before then. */
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

  /** Writes what waits. The process is about to end. */
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
