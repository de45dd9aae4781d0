import { closeSync, openSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'

/** What the system says when the process, or the whole host, has no descriptor left. */
export const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

/** Whether there is a descriptor left, for where the system gives another reason, as name look-ups do. */
export function canOpenDescriptor(): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && SHORTAGES.has(String(error.code)))
  }
}

/** How many descriptors this process may have; undefined where the system does not say. Node raises the soft limit to the hard one. */
export function readDescriptorLimit(): number | undefined {
  try {
    return parseDescriptorLimit(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return undefined
  }
}

/** The hard limit in the text of /proc/PID/limits. Infinity for `unlimited`. */
export function parseDescriptorLimit(limits: string): number | undefined {
  const [, hard] = /^Max open files +\S+ +(\S+)/m.exec(limits) ?? []
  if (hard === undefined) return undefined
  return hard === 'unlimited' ? Infinity : Number(hard)
}

/** For listeners, files, name look-ups, idle sessions and clients that are being refused. */
const RESERVE = 256

const MOST_CLIENTS = 32_768

/** How many clients fit, a connection to each and one on its behalf, with a reserve beside them. */
export function clientsWithin(descriptors: number): number {
  const reserve = Math.min(RESERVE, Math.ceil(descriptors / 2))
  return Math.min(MOST_CLIENTS, Math.max(1, Math.floor((descriptors - reserve) / 2)))
}
