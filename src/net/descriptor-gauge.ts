import { closeSync, openSync, readdirSync } from 'node:fs'
import { devNull } from 'node:os'
import { formatHostPort, ProxyError } from '../core/index.ts'
import { SHORTAGES } from './descriptor-limit.ts'
import type { Dialer } from './dialer.ts'

/** A view of this process's descriptors. */
export interface DescriptorTable {
  /** The number that the next descriptor would get; undefined when none is left. */
  lowestFree(): number | undefined
  /** Descriptors in use; undefined where the system does not report it. */
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

/** Descriptors that accepting leaves free for admitted clients to dial, and that dialling leaves free so that accepting never runs out. */
const LEFT_BY_ACCEPTING = 16
const LEFT_BY_DIALLING = 8

/** With more than this many free, half of the excess may be used before the next check. */
const NEAR = 64

/**
 * Keeps the last descriptors free. Once none is left, libuv accepts and closes each new connection by itself, with a
 * spare descriptor, and reports nothing: such a client appears in no log and no count. So we refuse connections before
 * the limit is reached.
 *
 * The system hands out the lowest free number (open(2)), so a number close to the limit means that all below it are in
 * use. Checking costs system calls and there are usually thousands of descriptors, so the check is skipped while many
 * are known to be free.
 */
export class DescriptorGauge {
  readonly #limit: number
  readonly #table: DescriptorTable
  #unseen = 0
  #untilCount = 0

  /** @param limit Infinity if unknown. */
  constructor(limit: number, table: DescriptorTable = OWN) {
    this.#limit = limit
    this.#table = table
  }

  /** Whether to keep a connection that was just accepted. */
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

/** A dialer that leaves the last descriptors free. */
export function sparingDialer(dialer: Dialer, gauge: DescriptorGauge): Dialer {
  return {
    dial: async (to, options) => {
      if (gauge.mayDial()) return dialer.dial(to, options)
      throw new ProxyError('NO_DESCRIPTORS', { detail: formatHostPort(to) })
    },
  }
}
