import { homedir } from 'node:os'
import type { Directive, LogFormat } from '../config/index.ts'
import { type Emit, isProxyError, systemClock, systemEntropy } from '../core/index.ts'
import { createEventLog, createLogger, leadsToJournal, type Logger } from '../observe/index.ts'
import { type BuildInput, chooseStateDirectory, fileGuardStore, Service } from '../service/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'
import { type StopSignal, watchSignals } from './signals.ts'

export interface RunArguments {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
}

/** `tsntlm --config FILE`: serves until a signal stops it. @returns the exit code. */
export async function runCommand(
  args: RunArguments,
  complain: (line: string) => void,
): Promise<number> {
  const { input, issues } = readConfiguration(args.config, args.overrides)
  reportIssues(issues, complain)
  if (input === undefined) return FAILED
  const { config } = input
  const journald = leadsToJournal(process.stdout.fd, process.env['JOURNAL_STREAM'])
  const logger = createLogger({
    level: config.logLevel,
    format: chooseFormat(config.logFormat, process.stdout.isTTY),
    destination: process.stdout.fd,
    journald,
  })
  const { emit, flush } = createEventLog(logger, systemClock)
  watchBugs(logger)
  try {
    return await serve(input, emit)
  } catch (error) {
    complain(`tsntlm: ${isProxyError(error) ? (error.detail ?? error.message) : String(error)}`)
    return FAILED
  } finally {
    flush()
    logger.flush()
  }
}

async function serve(input: BuildInput, emit: Emit): Promise<number> {
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
  }
  const service = new Service(input, ports)
  const signals = watchSignals()
  await service.start()
  const first = await signals.next()
  return drain(service, first, input.config.shutdownGraceMs, signals.next())
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
