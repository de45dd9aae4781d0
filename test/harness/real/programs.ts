import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian keeps daemons, which a user's PATH often lacks. */
const DAEMON_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin']

/** The path of an installed program, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...DAEMON_FOLDERS]
  return folders.map(folder => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a program that `skipUnless` has seen. */
export function program(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}

/**
 * Skips the whole test file, with one line that says why, when a program is missing.
 * @returns whether the file may go on.
 */
export function skipUnless(
  t: { plan(n: number, comment: string): void },
  names: readonly string[],
): boolean {
  const missing = names.filter(name => findProgram(name) === undefined)
  if (missing.length > 0) t.plan(0, `not installed: ${missing.join(', ')}`)
  return missing.length === 0
}
