import { readFileSync } from 'node:fs'
import type { Directive } from '../config/index.ts'
import { type Emit, isProxyError, systemClock } from '../core/index.ts'
import { createEventLog, createStatistics } from '../observe/index.ts'
import { type Identity, inheritedSockets, resolveIdentity } from '../service/index.ts'
import { readWithClientNames } from './configuration.ts'
import { FAILED } from './exit-code.ts'
import { ProgramLog } from './program-log.ts'
import { logIssues, reportIssues } from './report-issues.ts'
import { serve } from './serve.ts'

export interface RunArguments {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  /** Overrides the configuration. */
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
    const log = new ProgramLog({
      config: input.config,
      logFile: args.logFile,
      owner: identity,
      complain,
      onLost: lines => emit({ type: 'log.lost', lines }),
    })
    watchBugs(log)
    // In the background, and with a log file, operators do not read standard error.
    if (process.connected || log.path !== undefined) logIssues(issues, log.logger)
    const eventLog = createEventLog(log.logger, systemClock)
    const statistics = createStatistics(systemClock, () => log.linesLost)
    const emit: Emit = event => {
      statistics.emit(event)
      eventLog.emit(event)
    }
    try {
      return await serve(input, { ...args, sockets, identity, log, emit, statistics })
    } finally {
      eventLog.flush()
      log.finish()
    }
  } catch (error) {
    complain(`tsntlm: ${isProxyError(error) ? (error.detail ?? error.message) : String(error)}`)
    return FAILED
  }
}

/** The user of `-U`; undefined without one, or when the process cannot switch users. @throws ProxyError CONFIG. */
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

/** Any exception that arrives here is a bug: it is logged in full, and the process exits rather than continue in an undefined state. */
function watchBugs(log: ProgramLog): void {
  process.on('uncaughtException', error => {
    log.logger.fatal({ event: 'bug', err: error }, 'a bug: the program ends')
    log.finish()
    process.exit(FAILED)
  })
}
