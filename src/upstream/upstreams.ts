import { formatHostPort, type HostPort, type UpstreamNews } from '../core/index.ts'
import type { ReadinessOptions } from '../policy/index.ts'
import { carrierTo, type Preparations } from './upstream-carrier.ts'
import type { Carrier } from './carrier.ts'
import type { Identity } from './identity.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamAccess } from './upstream-access.ts'
import { TunnelsAhead } from './tunnels-ahead.ts'
import { Warmer } from './warmer.ts'

/** A Pac script may name any number of proxies; at most this many without a Proxy line are kept. */
const MAX_OTHERS = 64

const NOTHING_AHEAD: Preparations = { warmer: undefined, tunnels: undefined }

export interface UpstreamsOptions {
  /** The upstreams of the Proxy lines, the preferred one first. */
  readonly configured: readonly Upstream[]
  /** Creates an upstream for a proxy that a Pac script names. */
  readonly make: (address: HostPort) => Upstream
  /** Whether credentials may be sent to such a proxy. */
  readonly isTrusted: (address: HostPort) => boolean
  /** The identity to preconnect sessions for; clients' credentials are never sent ahead of a request. */
  readonly own: Identity | undefined
  readonly readiness: ReadinessOptions
  /** Maximum number of tunnels opened ahead of time. */
  readonly maxTunnelsAhead: number
}

/** The parent proxies, as candidates for the calls of an identity. */
export class Upstreams {
  readonly configured: readonly Upstream[]
  readonly #options: UpstreamsOptions
  readonly #carriers = new Map<Identity | undefined, readonly Carrier[]>()
  readonly #others = new Map<string, Upstream>()
  readonly #preparations = new Map<Upstream, Preparations>()

  constructor(options: UpstreamsOptions) {
    this.configured = options.configured
    this.#options = options
  }

  /** Upstreams that only a Pac script names. */
  get others(): readonly Upstream[] {
    return [...this.#others.values()]
  }

  /** Candidates of the Proxy lines, in their order. */
  carriersFor(identity: Identity | undefined): readonly Carrier[] {
    const known = this.#carriers.get(identity)
    if (known !== undefined) return known
    const carriers = this.configured.map(upstream => this.#carrierTo(upstream, identity))
    this.#carriers.set(identity, carriers)
    return carriers
  }

  /** The candidate that a Pac script names; without credentials unless a Proxy line or PacTrust names it. */
  carrierAt(address: HostPort, identity: Identity | undefined): Carrier {
    const label = formatHostPort(address)
    const own = this.configured.find(upstream => upstream.label === label)
    const account = own !== undefined || this.#options.isTrusted(address) ? identity : undefined
    return this.#carrierTo(own ?? this.#otherAt(address, label), account)
  }

  /** Closes the sessions of an identity that is gone; those in use close when they are returned. */
  forget(identity: Identity): void {
    this.#carriers.delete(identity)
    for (const upstream of this.#all) {
      if (identity === this.#options.own) this.#stopPreparing(upstream)
      upstream.forget(identity)
    }
  }

  /** Retires the upstreams that the next configuration does not keep. */
  retireAllBut(kept: ReadonlySet<Upstream>): void {
    for (const upstream of this.#all) {
      this.#stopPreparing(upstream)
      if (!kept.has(upstream)) upstream.retire()
    }
  }

  /** Applies what another process found out about an upstream. */
  learn(news: UpstreamNews): void {
    this.#all.find(({ label }) => label === news.upstream)?.learn(news)
  }

  destroy(): void {
    for (const upstream of this.#all) {
      this.#stopPreparing(upstream)
      upstream.destroy()
    }
  }

  get #all(): Upstream[] {
    return [...this.configured, ...this.#others.values()]
  }

  #carrierTo(upstream: Upstream, identity: Identity | undefined): Carrier {
    const access = new UpstreamAccess(upstream, identity, () =>
      this.configured.map(other => new UpstreamAccess(other, identity)),
    )
    const isOwn = identity !== undefined && identity === this.#options.own
    return carrierTo(access, isOwn ? this.#preparationsFor(access) : NOTHING_AHEAD)
  }

  #preparationsFor(access: UpstreamAccess): Preparations {
    const { readiness, maxTunnelsAhead } = this.#options
    const known = this.#preparations.get(access.upstream)
    if (known !== undefined) return known
    const preparations = {
      warmer: readiness.upTo === 'off' ? undefined : new Warmer(access, readiness),
      tunnels: maxTunnelsAhead === 0 ? undefined : new TunnelsAhead(access, maxTunnelsAhead),
    }
    this.#preparations.set(access.upstream, preparations)
    return preparations
  }

  #stopPreparing(upstream: Upstream): void {
    const { warmer, tunnels } = this.#preparations.get(upstream) ?? NOTHING_AHEAD
    warmer?.stop()
    tunnels?.stop()
  }

  #otherAt(address: HostPort, label: string): Upstream {
    const known = this.#others.get(label)
    if (known !== undefined) return known
    const [oldest] = this.#others
    if (this.#others.size >= MAX_OTHERS && oldest !== undefined) {
      this.#others.delete(oldest[0])
      oldest[1].retire()
      this.#stopPreparing(oldest[1])
      this.#preparations.delete(oldest[1])
    }
    const upstream = this.#options.make(address)
    this.#others.set(label, upstream)
    return upstream
  }
}
