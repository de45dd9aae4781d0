import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Directive, LogFormat } from '../config/index.ts'
import { type Emit, isProxyError, systemClock } from '../core/index.ts'
import {
  createEventLog,
  createLogger,
  createStatistics,
  leadsToJournal,
  LogFile,
  type Logger,
} from '../observe/index.ts'
import {
  type BuildInput,
  type Identity,
  inheritedSockets,
  resolveIdentity,
} from '../service/index.ts'
import { readWithClientNames } from './configuration.ts'
import { FAILED } from './exit-code.ts'
import { logIssues, reportIssues } from './report-issues.ts'
import { serve } from './serve.ts'

export interface RunArguments {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  /** Instead of what the configuration says. */
  readonly logFile: string | undefined
  readonly pidFile: string | undefined
  /** Name or number of a user. */
  readonly runAs: string | undefined
  /** cntlm's init scripts stop it with SIGHUP. */
  readonly stopsOnHangup: boolean
}

/** `tsntlm --config FILE`: serves until a signal stops it. @returns the exit code. */
export async function runCommand(
  args: RunArguments,
  complain: (line: string) => void,
): Promise<number> {
  const sockets = inheritedSockets(process.env, process.pid)
  const hasListener = sockets.length > 0
  const { input, issues } = await readWithClientNames(args.config, args.overrides, { hasListener })
  reportIssues(issues, complain)
  if (input === undefined) return FAILED
  try {
    const identity = readIdentity(args.runAs, complain)
    const path = args.logFile ?? input.config.logFile
    const file = path === undefined ? undefined : openLogFile(path, identity, complain)
    const logger = openLog(file, input)
    watchBugs(logger)
    // In the background, and with a log file, standard error is not where the log is read.
    if (process.connected || file !== undefined) logIssues(issues, logger)
    const log = createEventLog(logger, systemClock)
    const statistics = createStatistics(systemClock)
    const emit: Emit = event => {
      statistics.emit(event)
      log.emit(event)
    }
    try {
      const reopenLog = (): boolean => file?.reopen() ?? true
      return await serve(input, { ...args, sockets, identity, logger, reopenLog, emit, statistics })
    } finally {
      log.flush()
      logger.flush()
    }
  } catch (error) {
    complain(`tsntlm: ${isProxyError(error) ? (error.detail ?? error.message) : String(error)}`)
    return FAILED
  }
}

/** The user of `-U`; undefined when there is none, or none can be become. @throws ProxyError CONFIG. */
export function readIdentity(
  user: string | undefined,
  complain: (line: string) => void,
): Identity | undefined {
  if (user === undefined) return undefined
  if (process.getuid?.() !== 0) {
    complain(`tsntlm: --run-as ${user} has no effect: only root can become another user`)
    return undefined
  }
  return resolveIdentity(user, {
    passwd: readFileSync('/etc/passwd', 'utf8'),
    group: readFileSync('/etc/group', 'utf8'),
  })
}

/** @throws ProxyError CONFIG. */
function openLogFile(
  path: string,
  owner: Identity | undefined,
  complain: (line: string) => void,
): LogFile {
  return new LogFile({ path, owner, onProblem: problem => complain(`tsntlm: ${problem}`) })
}

function openLog(file: LogFile | undefined, { config }: BuildInput): Logger {
  const { fd } = process.stdout
  return createLogger({
    level: config.logLevel,
    format: chooseFormat(config.logFormat, file === undefined && isatty(fd)),
    destination: file ?? fd,
    journald: file === undefined && leadsToJournal(fd, process.env['JOURNAL_STREAM']),
  })
}

function chooseFormat(configured: LogFormat, isTerminal: boolean): 'json' | 'text' {
  if (configured !== 'auto') return configured
  return isTerminal ? 'text' : 'json'
}

/** What reaches this is a mistake in the program: it is logged whole, and the process goes down rather than on wrongly. */
function watchBugs(logger: Logger): void {
  process.on('uncaughtException', error => {
    logger.fatal({ event: 'bug', err: error }, 'a bug: the program ends')
    logger.flush()
    process.exit(FAILED)
  })
}
