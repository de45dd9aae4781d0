import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ProxyError } from '../core/index.ts'

/**
 * Writes the process ID and a newline, readable for all, replacing any previous content.
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

/** Removes the file if it still belongs to this process: another one may have started meanwhile. */
export function removePidFile(path: string, pid: number): void {
  try {
    if (readFileSync(path, 'utf8') === `${pid}\n`) rmSync(path)
  } catch {
    // Already gone, or not removable by the user of the process. Exiting must not fail for that.
  }
}
