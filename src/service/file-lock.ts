import { closeSync, openSync, rmSync, statSync } from 'node:fs'

/** Whoever holds it writes a small file: one that is older was left by a process that died. */
const STALE_MS = 5_000
const RETRY_MS = 5
const RETRIES = 400

/**
 * Runs `action` while no other process holds the lock: a file that is created exclusively. It waits without serving anything
 * meanwhile, which is some milliseconds where two processes save at the same moment.
 * @throws Error when the lock cannot be had.
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

/** By the clock of the file system alone: that of this host may have been set. */
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
