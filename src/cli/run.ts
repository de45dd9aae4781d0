import { openSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isatty } from 'node:tty'
import type { Admin } from '../admin/index.ts'
import { type Directive, formatIssue, type LogFormat } from '../config/index.ts'
import {
  type Emit,
  formatHostPort,
  isProxyError,
  ProxyError,
  systemClock,
  systemEntropy,
  toProxyError,
} from '../core/index.ts'
import {
  createEventLog,
  createLogger,
  createStatistics,
  leadsToJournal,
  type Logger,
  type Statistics,
} from '../observe/index.ts'
import {
  becomeUser,
  type BuildInput,
  chooseStateDirectory,
  createNotifier,
  fileGuardStore,
  type Identity,
  type InheritedSocket,
  inheritedSockets,
  makeDirectoryFor,
  type Notifier,
  removePidFile,
  resolveIdentity,
  sendBySystemdNotify,
  Service,
  writePidFile,
} from '../service/index.ts'
import { createAdmin, moveAdmin } from './admin.ts'
import { notifyParent } from './background.ts'
import { readWithClientNames } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { logIssues, reportIssues } from './report-issues.ts'
import { type StopSignal, watchSignals } from './signals.ts'
import { readVersion } from './version.ts'

export interface RunArguments {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  /** undefined for standard output. */
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
    const logger = openLog(args.logFile, input)
    watchBugs(logger)
    // In the background, and with a log file, standard error is not where the log is read.
    if (process.connected || args.logFile !== undefined) logIssues(issues, logger)
    const log = createEventLog(logger, systemClock)
    const statistics = createStatistics(systemClock)
    const emit: Emit = event => {
      statistics.emit(event)
      log.emit(event)
    }
    try {
      return await serve(input, { ...args, sockets, identity, logger, emit, statistics })
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

function openLog(file: string | undefined, { config }: BuildInput): Logger {
  const fd = file === undefined ? process.stdout.fd : openLogFile(file)
  return createLogger({
    level: config.logLevel,
    format: chooseFormat(config.logFormat, isatty(fd)),
    destination: fd,
    journald: leadsToJournal(fd, process.env['JOURNAL_STREAM']),
  })
}

/** @throws ProxyError CONFIG. */
function openLogFile(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProxyError('CONFIG', { detail: `the log file cannot be opened: ${reason}`, cause })
  }
}

interface Surroundings extends Pick<
  RunArguments,
  'config' | 'overrides' | 'pidFile' | 'stopsOnHangup'
> {
  readonly sockets: readonly InheritedSocket[]
  readonly identity: Identity | undefined
  readonly logger: Logger
  readonly emit: Emit
  readonly statistics: Statistics
}

async function serve(input: BuildInput, surroundings: Surroundings): Promise<number> {
  const { identity, pidFile, sockets, statistics, stopsOnHangup } = surroundings
  const emit: Emit = event => {
    admin.observe(event)
    surroundings.emit(event)
  }
  const admin = createAdmin({ clock: systemClock, service: () => service, emit })
  const directory = chooseStateDirectory({
    configured: input.config.stateDirectory,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
  })
  const ports = {
    clock: systemClock,
    entropy: systemEntropy,
    emit,
    guardStore: fileGuardStore(directory, systemEntropy, emit),
    inheritedSockets: sockets,
    statistics,
    program: { version: readVersion(), pid: process.pid },
  }
  if (identity !== undefined) makeDirectoryFor(identity, directory)
  const service = new Service(input, ports)
  const systemd = notifierOf(emit)
  const signals = watchSignals(['SIGTERM', 'SIGINT', ...(stopsOnHangup ? ['SIGHUP' as const] : [])])
  try {
    const opening = await moveAdmin(admin, input.config)
    opening.commit()
    await service.start()
    if (identity !== undefined) becomeUser(identity)
    // As the user who will have to remove it.
    if (pidFile !== undefined) writePidFile(pidFile, process.pid)
    notifyParent({ type: 'ready' })
    const announce = async (): Promise<void> => systemd.ready(describePorts(service))
    void announce()
    if (!stopsOnHangup) {
      reloadOnHangup(async () => {
        await systemd.reloading()
        await reload(service, admin, { ...surroundings, emit })
        await announce()
      })
    }
    const first = await signals.next()
    void systemd.stopping(input.config.shutdownGraceMs)
    return await drain(service, first, input.config.shutdownGraceMs, signals.next())
  } finally {
    service.destroy()
    admin.close()
    if (pidFile !== undefined) removePidFile(pidFile, process.pid)
  }
}

function describePorts({ addresses, waiting }: Service): string {
  const parts = [
    ['listening on', addresses.map(formatHostPort)],
    ['waiting for', waiting],
  ] as const
  return parts
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `${what} ${list.join(', ')}`)
    .join('; ')
}

function notifierOf(emit: Emit): Notifier {
  return createNotifier({
    env: process.env,
    pid: process.pid,
    clock: systemClock,
    send: sendBySystemdNotify,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    onFailure: reason => emit({ type: 'service.notifyFailed', reason }),
  })
}

/** One reload after the other. */
function reloadOnHangup(reloadOnce: () => Promise<void>): void {
  let last = Promise.resolve()
  process.on('SIGHUP', () => {
    last = last.then(reloadOnce)
  })
}

/** Reads the configuration again; one that cannot be used changes nothing. */
async function reload(service: Service, admin: Admin, surroundings: Surroundings): Promise<void> {
  const { config, overrides, emit, logger, sockets } = surroundings
  const hasListener = sockets.length > 0
  const { input, issues } = await readWithClientNames(config, overrides, { hasListener })
  const found = issues.map(formatIssue)
  if (input === undefined) {
    emit({ type: 'config.rejected', issues: found })
    return
  }
  try {
    const move = await moveAdmin(admin, input.config)
    await service.reload(input).catch((error: unknown) => {
      move.undo()
      throw error
    })
    move.commit()
    logger.level = input.config.logLevel
    for (const issue of found) logger.warn({ event: 'config.issue', issue }, 'configuration')
  } catch (thrown) {
    const error = toProxyError(thrown)
    if (error.code === 'BUG') emit({ type: 'bug', error: thrown })
    emit({ type: 'config.rejected', issues: [error.detail ?? error.message] })
  }
}

/** The first signal lets work finish, the second one ends at once. */
async function drain(
  service: Service,
  first: StopSignal,
  graceMs: number,
  second: Promise<StopSignal>,
): Promise<number> {
  const drained = service.drain(first, graceMs).then(() => OK)
  const cutShort = second.then(() => {
    service.destroy()
    return FAILED
  })
  return Promise.race([drained, cutShort])
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
