import { closeSync, openSync, readdirSync } from 'node:fs'
import { devNull } from 'node:os'
import { formatHostPort, ProxyError } from '../core/index.ts'
import { SHORTAGES } from './descriptor-limit.ts'
import type { Dialer } from './dialer.ts'

/** How the descriptors of this process are looked at. */
export interface DescriptorTable {
  /** What the next one would be; undefined where there is none. */
  lowestFree(): number | undefined
  /** How many are in use; undefined where the system does not say. */
  count(): number | undefined
}

const OWN: DescriptorTable = {
  lowestFree: () => {
    try {
      const fd = openSync(devNull, 'r')
      closeSync(fd)
      return fd
    } catch (error) {
      if (error instanceof Error && 'code' in error && SHORTAGES.has(String(error.code)))
        return undefined
      throw error
    }
  },
  count: () => {
    try {
      return readdirSync('/proc/self/fd').length
    } catch {
      return undefined
    }
  },
}

/** What accepting leaves free, so that those who are in find descriptors for a while, and what they leave: accepting never finds none. */
const LEFT_BY_ACCEPTING = 16
const LEFT_BY_DIALLING = 8

/** While more than these are free, half of the others may be taken without a further look. */
const NEAR = 64

/**
 * Keeps the last descriptors free. Without one libuv closes each new connection by itself, with one that it keeps for that, and tells nobody:
 * such a client is in no log and no count. So the limit must never be reached: we refuse the connections that would reach it.
 *
 * The system gives the lowest free number (open(2)): one close to the limit says that all below it are in use. As a look costs system calls, and
 * there are thousands of descriptors as a rule, it is left out for as long as many are known to be free.
 */
export class DescriptorGauge {
  readonly #limit: number
  readonly #table: DescriptorTable
  #unseen = 0
  #untilCount = 0

  /** @param limit Infinity where it is not known. */
  constructor(limit: number, table: DescriptorTable = OWN) {
    this.#limit = limit
    this.#table = table
  }

  /** Whether a connection that was accepted may stay. */
  mayAccept(): boolean {
    return this.#leaves(LEFT_BY_ACCEPTING)
  }

  mayDial(): boolean {
    return this.#leaves(LEFT_BY_DIALLING)
  }

  #leaves(spare: number): boolean {
    if (this.#limit === Infinity) return true
    if (this.#unseen > 0) {
      this.#unseen--
      return true
    }
    const lowest = this.#table.lowestFree()
    if (lowest === undefined || lowest >= this.#limit - spare) return false
    if (this.#untilCount > 0) this.#untilCount--
    else this.#count()
    return true
  }

  #count(): void {
    const free = this.#limit - (this.#table.count() ?? this.#limit)
    this.#unseen = Math.max(0, Math.floor((free - NEAR) / 2))
    this.#untilCount = Math.ceil(this.#limit / 16)
  }
}

/** A dialer that takes none of the last descriptors. */
export function sparingDialer(dialer: Dialer, gauge: DescriptorGauge): Dialer {
  return {
    dial: async (to, options) => {
      if (gauge.mayDial()) return dialer.dial(to, options)
      throw new ProxyError('NO_DESCRIPTORS', { detail: formatHostPort(to) })
    },
  }
}
