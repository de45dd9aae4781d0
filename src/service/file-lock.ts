import { closeSync, openSync, rmSync, statSync } from 'node:fs'

/**
 * The holder only writes a small file, so an older lock was left by a process that died. Less than the time of all tries, so that a start
 * right after a crash can save.
 */
const STALE_MS = 1_500
const RETRY_MS = 5
const RETRIES = 400

/**
 * Runs `action` under a lock, which is a file created exclusively. Waiting for it blocks the process, usually for some
 * milliseconds when two processes save at the same moment.
 * @throws Error when the lock cannot be acquired.
 */
export function withFileLock(lock: string, action: () => void): void {
  for (let tries = 0; !tryLock(lock); tries++) {
    if (tries >= RETRIES) throw new Error(`another process holds ${lock}`)
    if (isStale(lock)) rmSync(lock, { force: true })
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
  }
  try {
    action()
  } finally {
    rmSync(lock, { force: true })
  }
}

function tryLock(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Compares times of the file system only: the clock of this host may have been changed. */
function isStale(lock: string): boolean {
  try {
    return fileSystemNow(lock) - statSync(lock).mtimeMs > STALE_MS
  } catch {
    return false
  }
}

function fileSystemNow(lock: string): number {
  const probe = `${lock}.${process.pid}`
  closeSync(openSync(probe, 'w', 0o600))
  const { mtimeMs } = statSync(probe)
  rmSync(probe, { force: true })
  return mtimeMs
}
