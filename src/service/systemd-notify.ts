import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Clock } from '../core/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Sends VARIABLE=VALUE assignments of sd_notify(3). Throws when they cannot be delivered. */
export type SendNotification = (assignments: readonly string[]) => Promise<void>

export interface NotifierOptions {
  readonly env: Environment
  readonly pid: number
  readonly clock: Clock
  readonly send: SendNotification
  /** CLOCK_MONOTONIC in microseconds: systemd compares it with its own. */
  readonly monotonicUs: () => bigint
  /** Called once, for the first notification that was not delivered. */
  readonly onFailure: (reason: string) => void
}

/** Reports the state of the service to the service manager, if one is listening. Never throws. */
export interface Notifier {
  /** Started, or reloaded. `status` is what `systemctl status` shows. */
  ready(status: string): Promise<void>
  reloading(): Promise<void>
  /** @param graceMs how long work in progress may take to finish. */
  stopping(graceMs: number): Promise<void>
  status(text: string): Promise<void>
}

/** How long the process may take to exit after the grace period before systemd may kill it. */
const EXIT_MS = 10_000

export function createNotifier(options: NotifierOptions): Notifier {
  const { env, pid, clock, send, monotonicUs, onFailure } = options
  const isListening = (env['NOTIFY_SOCKET'] ?? '') !== ''
  const watchdogMs = isListening ? watchdogIntervalMs(env, pid) : undefined
  let isWatched = false
  let hasFailed = false
  let last = Promise.resolve()

  /** One at a time: each is sent by a separate process, and READY must not overtake RELOADING. */
  const notify = async (assignments: () => readonly string[]): Promise<void> => {
    if (!isListening) return
    last = last
      .then(async () => send(assignments()))
      .catch((error: unknown) => {
        if (hasFailed) return
        hasFailed = true
        onFailure(error instanceof Error ? error.message : String(error))
      })
    return last
  }

  const watch = (): void => {
    if (watchdogMs === undefined) return
    clock.setTimer(watchdogMs, () => {
      void notify(() => ['WATCHDOG=1'])
      watch()
    })
  }

  return {
    async ready(status) {
      if (!isWatched) watch()
      isWatched = true
      return notify(() => ['READY=1', `STATUS=${oneLine(status)}`])
    },
    reloading: async () => notify(() => ['RELOADING=1', `MONOTONIC_USEC=${monotonicUs()}`]),
    // Otherwise systemd kills the service after TimeoutStopSec=, regardless of the grace period.
    stopping: async graceMs =>
      notify(() => ['STOPPING=1', `EXTEND_TIMEOUT_USEC=${(graceMs + EXIT_MS) * 1000}`]),
    status: async text => notify(() => [`STATUS=${oneLine(text)}`]),
  }
}

/** Assignments are separated by newlines. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

/**
 * How often to notify the watchdog, in milliseconds: at half its timeout, as sd_watchdog_enabled(3) recommends.
 * undefined when there is no watchdog, or it watches another process.
 */
export function watchdogIntervalMs(env: Environment, pid: number): number | undefined {
  const microseconds = Number(env['WATCHDOG_USEC'])
  if (!Number.isFinite(microseconds) || microseconds <= 0) return undefined
  const watched = env['WATCHDOG_PID'] ?? ''
  if (watched !== '' && watched !== String(pid)) return undefined
  return Math.max(1, Math.floor(microseconds / 2000))
}

const run = promisify(execFile)

/** systemd-notify itself gives up after 5 seconds. */
const SEND_TIMEOUT_MS = 10_000

/**
 * Uses the program systemd-notify, because node has no Unix datagram sockets. Messages from a child are accepted if the
 * unit has NotifyAccess=all.
 */
export const sendBySystemdNotify: SendNotification = async assignments => {
  await run('systemd-notify', assignments, { timeout: SEND_TIMEOUT_MS })
}
