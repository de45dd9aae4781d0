import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ProxyError } from '../core/index.ts'

/**
 * Writes the number of the process and a newline, readable for all, over what was there.
 * @throws ProxyError CONFIG when it cannot be written.
 */
export function writePidFile(path: string, pid: number): void {
  try {
    writeFileSync(path, `${pid}\n`, { mode: 0o644 })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ProxyError('CONFIG', { detail: `the pid file cannot be written: ${reason}` })
  }
}

/** Removes the file if it still is the one of this process: another one may have started meanwhile. */
export function removePidFile(path: string, pid: number): void {
  try {
    if (readFileSync(path, 'utf8') === `${pid}\n`) rmSync(path)
  } catch {
    // It is gone already, or lies where the user of the process may not remove it: the end of the program is no place to fail.
  }
}
