import { closeSync, constants, openSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Clock } from '../core/index.ts'

const { O_NOCTTY, O_RDWR } = constants

/** The terminal that a process was started from. */
export interface Terminal {
  /** Its window was closed, its line broke, or the shell that it belonged to has ended. */
  isGone(): boolean
}

/**
 * The controlling terminal; undefined without one, as in a service, and also where nothing of it is in use: that is what nohup(1) leaves,
 * whose second half, that SIGHUP is ignored, node undoes before this program sees it.
 */
export function controllingTerminal(): Terminal | undefined {
  if (![0, 1, 2].some(fd => isatty(fd)) || reasonAgainst() !== undefined) return undefined
  return { isGone: () => GONE.has(reasonAgainst() ?? '') }
}

/** The system takes the terminal away from all processes of its session when it hangs up. Want of descriptors is another reason. */
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

/** A login shell that ends sends SIGHUP to its jobs first, and then its terminal goes. */
const GOES_WITHIN_MS = 1_000

/**
 * What to do at SIGHUP, which means two things: an operator wants a reload, or the terminal has hung up, and who stayed would hold its ports and
 * its account with nobody left to stop it. Both the system and the shell may send it then, so it comes several times.
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
