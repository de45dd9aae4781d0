import { type Clock, type Emit, formatHostPort, type HostPort } from '../core/index.ts'
import type { Dialer } from '../net/index.ts'
import { beginRequest } from './attempt.ts'
import type { Carrier } from './carrier.ts'
import type { Identity } from './identity.ts'
import { Origin } from './origin.ts'
import { carryToOrigin, type OriginRights } from './origin-carry.ts'
import { SessionPool } from './session-pool.ts'

export interface DirectOptions {
  readonly dialer: Dialer
  readonly clock: Clock
  readonly emit: Emit
  readonly nextSessionId: () => number
  readonly sessionIdleMs: number
  readonly waitMs: number
  readonly maxWaiting: number
  readonly handshakeTimeoutMs: number
  readonly responseTimeoutMs: number
}

/** Which resolved addresses may be connected to. Connections are shared only within the same scope. */
export interface DirectPermission {
  readonly permits: (address: string) => boolean
  readonly scope: string
}

const MAX_SESSIONS_PER_ORIGIN = 256
const MAX_CONNECTING_PER_ORIGIN = 64
const MAX_ORIGINS = 1_000

/** Routes without a parent proxy: pools of plain connections, and what is known about their origins. */
export class DirectRoutes {
  readonly #options: DirectOptions
  readonly #pools = new Map<string, { pool: SessionPool; identity: Identity | undefined }>()
  readonly #origins = new Map<string, Origin>()
  readonly #identityNames = new WeakMap<Identity, string>()
  #identities = 0

  constructor(options: DirectOptions) {
    this.#options = options
  }

  /** A candidate for HTTP requests in origin form. */
  originCarrier(target: HostPort, permission: DirectPermission, rights: OriginRights): Carrier {
    const { emit, responseTimeoutMs } = this.#options
    const origin = this.#originOf(target)
    return {
      ...ALWAYS_THERE,
      label: origin.label,
      pool: this.#poolOf('http', target, permission, rights.identity),
      carry: async attempt => carryToOrigin({ origin, rights, attempt, responseTimeoutMs, emit }),
    }
  }

  /** A candidate for tunnels that end at the target itself. */
  tunnelCarrier(target: HostPort, permission: DirectPermission): Carrier {
    return {
      ...ALWAYS_THERE,
      label: formatHostPort(target),
      pool: this.#poolOf('tunnel', target, permission, undefined),
      carry: async attempt => {
        beginRequest(attempt)
        return Promise.resolve(attempt.lease.session.connection.becomeTunnel())
      },
    }
  }

  /** Closes the sessions of an identity that is gone; those in use close when they are returned. */
  forget(identity: Identity): void {
    for (const [key, entry] of this.#pools) {
      if (entry.identity !== identity) continue
      entry.pool.retire()
      this.#pools.delete(key)
    }
  }

  /** Lets requests in flight finish and keeps no sessions. */
  retire(): void {
    for (const { pool } of this.#pools.values()) pool.retire()
  }

  destroy(): void {
    for (const { pool } of this.#pools.values()) pool.destroy()
  }

  #poolOf(
    use: 'http' | 'tunnel',
    target: HostPort,
    { permits, scope }: DirectPermission,
    identity: Identity | undefined,
  ): SessionPool {
    const label = formatHostPort(target)
    const key = [use, scope, label, this.#nameOf(identity)].join(' ')
    const known = this.#pools.get(key)
    if (known !== undefined) return known.pool
    this.#forgetUnused()
    const { clock, dialer, emit, maxWaiting, nextSessionId, sessionIdleMs, waitMs } = this.#options
    const pool = new SessionPool({
      label,
      clock,
      emit,
      nextId: nextSessionId,
      dial: signal => dialer.dial(target, { signal, permits, use: 'target' }),
      maxSessions: MAX_SESSIONS_PER_ORIGIN,
      maxConnecting: MAX_CONNECTING_PER_ORIGIN,
      idleMs: sessionIdleMs,
      waitMs,
      maxWaiting,
    })
    this.#pools.set(key, { pool, identity })
    return pool
  }

  #nameOf(identity: Identity | undefined): string {
    if (identity === undefined) return 'nobody'
    const known = this.#identityNames.get(identity)
    if (known !== undefined) return known
    const name = `identity ${++this.#identities}`
    this.#identityNames.set(identity, name)
    return name
  }

  #originOf({ host, port }: HostPort): Origin {
    const label = formatHostPort({ host, port })
    const known = this.#origins.get(label)
    if (known !== undefined) return known
    const [oldest] = this.#origins.keys()
    if (this.#origins.size >= MAX_ORIGINS && oldest !== undefined) this.#origins.delete(oldest)
    const origin = new Origin(label, host, this.#options)
    this.#origins.set(label, origin)
    return origin
  }

  /** Drops pools without connections, because targets come and go. */
  #forgetUnused(): void {
    for (const [key, { pool }] of this.#pools) {
      const { idle, busy, connecting, waiting } = pool.counts
      if (idle + busy + connecting + waiting === 0) this.#pools.delete(key)
    }
  }
}

/** Only parent proxies have health: the client wants this origin, whatever its state. */
const ALWAYS_THERE = {
  way: 'direct',
  isAvailable: () => true,
  backInMs: () => 0,
  failed: () => undefined,
  succeeded: () => undefined,
} as const
