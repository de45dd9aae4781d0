import { closeSync, constants, openSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Clock } from '../core/index.ts'

const { O_NOCTTY, O_RDWR } = constants

/** The terminal that a process was started from. */
export interface Terminal {
  /** Whether its window was closed, its line was disconnected, or its shell has exited. */
  isGone(): boolean
}

/**
 * The controlling terminal; undefined without one, as in a service, and also when no standard stream uses it. The latter is the case under
 * nohup(1), which also ignores SIGHUP, but node resets that before this program runs.
 */
export function controllingTerminal(): Terminal | undefined {
  if (![0, 1, 2].some(fd => isatty(fd)) || reasonAgainst() !== undefined) return undefined
  return { isGone: () => GONE.has(reasonAgainst() ?? '') }
}

/** At a hang-up the kernel detaches the terminal from all processes of its session. Other errors, such as EMFILE, do not mean that. */
const GONE: ReadonlySet<string> = new Set(['ENXIO', 'EIO'])

/** Why /dev/tty (tty(4)) cannot be opened. */
function reasonAgainst(): string | undefined {
  try {
    closeSync(openSync('/dev/tty', O_RDWR | O_NOCTTY))
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : ''
  }
}

export interface HangupOptions {
  readonly clock: Clock
  readonly terminal: Terminal | undefined
  readonly reload: () => void
  /** Called once. */
  readonly stop: () => void
}

/** A login shell that exits sends SIGHUP to its jobs before its terminal is closed. */
const GOES_WITHIN_MS = 1_000

/**
 * Handles SIGHUP, which has two meanings: an operator wants a reload, or the terminal has hung up. In the latter case the process must
 * stop, or it would hold its ports and its account with no terminal left to stop it from. Both the kernel and the shell may send the
 * signal, so it can arrive several times.
 */
export function hangupListener({ clock, reload, stop, terminal }: HangupOptions): () => void {
  let isStopping = false
  const stopIfGone = (): boolean => {
    const isGone = isStopping || terminal?.isGone() === true
    if (isGone && !isStopping) stop()
    isStopping = isGone
    return isGone
  }
  return () => {
    if (stopIfGone()) return
    reload()
    if (terminal !== undefined) clock.setTimer(GOES_WITHIN_MS, stopIfGone)
  }
}
