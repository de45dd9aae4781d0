import { type ChildProcess, fork } from 'node:child_process'
import type { Clock } from '../core/index.ts'
import type { Channel } from './channel.ts'
import type { FromWorker } from './messages.ts'
import { WORKER_FILE } from './process.ts'

/** Variables meant only for the process that systemd started. */
const NOT_FOR_WORKERS = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'CREDENTIALS_DIRECTORY',
]

/** How long a worker may take to end before it is killed. */
const PATIENCE_MS = 2_000

export interface LaunchOptions {
  readonly clock: Clock
  /** The environment of this process. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Starts the worker with this number as a child process, which ends when this one does. */
export function launchWorker(number: number, { clock, env: own }: LaunchOptions): Channel {
  const env = Object.fromEntries(
    Object.entries(own).filter(([name]) => !NOT_FOR_WORKERS.includes(name)),
  )
  const child = fork(WORKER_FILE, [String(number)], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  return channelOf(child, clock)
}

function channelOf(child: ChildProcess, clock: Clock): Channel {
  return {
    pid: child.pid ?? 0,
    send: (message, socket) => {
      // The worker may have ended, which is reported elsewhere.
      if (child.connected) child.send(message, socket, { keepOpen: true }, () => undefined)
    },
    onMessage: listener => void child.on('message', message => listener(message as FromWorker)),
    onEnd: listener => {
      child.once('error', error => listener(error.message))
      child.once('exit', (code, signal) => {
        const end = (): void => listener(signal ?? `exit code ${code ?? 'unknown'}`)
        // Its last messages may still be in transit.
        if (child.connected) child.once('disconnect', end)
        else end()
      })
    },
    close: () => {
      if (child.connected) child.disconnect()
      clock.setTimer(PATIENCE_MS, () => child.kill('SIGKILL'))
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
