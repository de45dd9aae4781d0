import { closeSync, openSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'

/** Error codes for no descriptor left in the process or on the whole host. */
export const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE'])

/** Whether a descriptor is left. For failures that the system reports with another cause, such as name look-ups. */
export function canOpenDescriptor(): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && SHORTAGES.has(String(error.code)))
  }
}

/** Descriptor limit of this process; undefined where the system does not report it. Node raises the soft limit to the hard one. */
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

/** Descriptors for listeners, files, name look-ups, idle sessions and clients being refused. */
const RESERVE = 256

const MOST_CLIENTS = 32_768

/** How many clients fit at two connections each (the client's own and one on its behalf), after the reserve. */
export function clientsWithin(descriptors: number): number {
  const reserve = Math.min(RESERVE, Math.ceil(descriptors / 2))
  return Math.min(MOST_CLIENTS, Math.max(1, Math.floor((descriptors - reserve) / 2)))
}
