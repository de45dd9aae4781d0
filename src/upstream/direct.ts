import { type Clock, type Emit, formatHostPort, type HostPort } from '../core/index.ts'
import type { Dialer } from '../net/index.ts'
import { beginRequest } from './attempt.ts'
import type { Carrier } from './dispatcher.ts'
import { SessionPool } from './session-pool.ts'

export interface DirectOptions {
  readonly dialer: Dialer
  readonly clock: Clock
  readonly emit: Emit
  readonly nextSessionId: () => number
  readonly sessionIdleMs: number
  readonly waitMs: number
  readonly responseTimeoutMs: number
}

const MAX_SESSIONS_PER_ORIGIN = 256
const MAX_CONNECTING_PER_ORIGIN = 64

/** The way without a parent proxy: a pool of plain connections per origin and per permission. */
export class DirectRoutes {
  readonly #options: DirectOptions
  readonly #carriers = new Map<string, Carrier>()

  constructor(options: DirectOptions) {
    this.#options = options
  }

  /**
   * @param permits which resolved addresses may be connected to.
   * @param scope names the permission: connections are shared only within it.
   */
  carrierTo(target: HostPort, permits: (address: string) => boolean, scope: string): Carrier {
    const label = formatHostPort(target)
    const key = `${scope} ${label}`
    const known = this.#carriers.get(key)
    if (known !== undefined) return known
    this.#forgetUnused()
    const carrier = this.#build(target, permits, label)
    this.#carriers.set(key, carrier)
    return carrier
  }

  close(): void {
    for (const carrier of this.#carriers.values()) carrier.pool.close()
  }

  destroy(): void {
    for (const carrier of this.#carriers.values()) carrier.pool.destroy()
  }

  #build(target: HostPort, permits: (address: string) => boolean, label: string): Carrier {
    const { clock, dialer, emit, nextSessionId, responseTimeoutMs, sessionIdleMs, waitMs } =
      this.#options
    const pool = new SessionPool({
      label,
      clock,
      emit,
      nextId: nextSessionId,
      dial: signal => dialer.dial(target, { signal, permits }),
      maxSessions: MAX_SESSIONS_PER_ORIGIN,
      maxConnecting: MAX_CONNECTING_PER_ORIGIN,
      idleMs: sessionIdleMs,
      waitMs,
    })
    return {
      label,
      pool,
      isAvailable: () => true,
      failed: () => undefined,
      succeeded: () => undefined,
      async carry(attempt) {
        const { call, lease } = attempt
        beginRequest(attempt)
        const exchange = await lease.session.connection.send(call.request, call.body, {
          timeoutMs: responseTimeoutMs,
          signal: call.signal,
          onInformational: call.onInformational,
        })
        if (!lease.session.isReady) lease.markReady()
        return exchange
      },
    }
  }

  /** Origins come and go: what holds no connection is not kept. */
  #forgetUnused(): void {
    for (const [key, { pool }] of this.#carriers) {
      const { idle, busy, connecting, waiting } = pool.counts
      if (idle + busy + connecting + waiting === 0) this.#carriers.delete(key)
    }
  }
}
