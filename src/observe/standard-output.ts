import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import type { LineSink } from './line-queue.ts'

/** The file descriptor; process.stdout must not be touched needlessly, see below. */
export const STANDARD_OUTPUT = 1

const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/**
 * Standard output as a sink that never blocks this thread.
 *
 * Whether a write blocks is a property (O_NONBLOCK) of the open file description, which other processes may share: the shell that
 * started this one, or other writers to the same pipe. They would get EAGAIN, which few programs expect. So a pipe or a terminal is
 * reopened through /proc, which yields a separate description. A socket cannot be reopened like that, nor a pipe of another
 * user: in that case the shared description becomes non-blocking. The one from systemd is shared by the processes of the unit, the one of
 * the background mode by no other process. A regular file is used as it is: O_NONBLOCK has no effect on it, and a second description would
 * have a separate offset.
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
      // The pipe belongs to another user, /proc is missing, or the reader is already gone (ENXIO).
    }
  }
  // On first use node sets O_NONBLOCK on pipes and sockets, and resets it when the process exits.
  return process.stdout.fd
}
