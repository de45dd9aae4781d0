import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import type { LineSink } from './line-queue.ts'

/** Its number, as process.stdout must not be touched needlessly: see below. */
export const STANDARD_OUTPUT = 1

const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/**
 * Standard output as something that takes lines and never makes this thread wait.
 *
 * Whether a write waits is a property (O_NONBLOCK) of the open file description, which other processes may share: the shell that
 * started this one, what else writes into the same pipe. They would meet EAGAIN, which few programs expect. So a pipe or a terminal is
 * opened once more by /proc, which gives a description of this process alone. A socket cannot be opened like that, nor a pipe of another
 * user: there it is the shared one that stops waiting. That of systemd is shared by the processes of the unit, that of the background mode
 * by nobody. A file on a disk is written to as it is: nothing there is asynchronous, and a second description would have an offset of its own.
 */
export function standardOutput(): LineSink {
  const own = openAnew(STANDARD_OUTPUT)
  return { write: bytes => writeSync(own, bytes) }
}

function openAnew(fd: number): number {
  const kind = fstatSync(fd)
  if (kind.isFile() || kind.isBlockDevice()) return fd
  if (!kind.isSocket()) {
    try {
      return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      // Of another user, or without /proc; or the reader has gone already (ENXIO).
    }
  }
  // Its first use makes node set O_NONBLOCK on pipes and sockets; at the end of the process node sets it back.
  return process.stdout.fd
}
