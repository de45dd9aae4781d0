import { type ChildProcess, spawn } from 'node:child_process'

/** A program that hands its standard input to syslog line by line, and ends when nobody writes to it any more. */
export interface SyslogPipe {
  /** To be the standard output of the process that logs. */
  readonly input: NonNullable<ChildProcess['stdin']>
  /** Leaves it to that process. */
  release(): void
}

/**
 * Starts logger(1), because node has no sockets of the kind that /dev/log is. As cntlm, with the facility daemon.
 * @returns undefined where there is no such program.
 */
export async function openSyslog(tag: string): Promise<SyslogPipe | undefined> {
  const logger = spawn('logger', ['-t', tag, '-p', 'daemon.info'], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const isRunning = await new Promise<boolean>(resolve => {
    logger.once('spawn', () => resolve(true))
    logger.once('error', () => resolve(false))
  })
  if (!isRunning) return undefined
  const input = logger.stdin
  // It may end early (no syslog on this host): then there is no log, which is no reason not to serve.
  input.on('error', () => undefined)
  return {
    input,
    release() {
      input.destroy()
      logger.unref()
    },
  }
}
