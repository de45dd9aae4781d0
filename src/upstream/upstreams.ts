import { formatHostPort, type HostPort } from '../core/index.ts'
import { carrierTo } from './carry.ts'
import type { Carrier } from './carrier.ts'
import type { Identity } from './identity.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamAccess } from './upstream-access.ts'

/** A Pac script may name any number of proxies; of those that no Proxy line names so many are known at a time. */
const MAX_OTHERS = 64

export interface UpstreamsOptions {
  /** Those of the Proxy lines, the preferred one first. */
  readonly configured: readonly Upstream[]
  /** Makes one for a proxy that a Pac script names. */
  readonly make: (address: HostPort) => Upstream
  /** Whether such a one may be shown an account. */
  readonly isTrusted: (address: HostPort) => boolean
}

/** The parent proxies, as somewhere that calls of an identity can be sent. */
export class Upstreams {
  readonly configured: readonly Upstream[]
  readonly #options: UpstreamsOptions
  readonly #carriers = new Map<Identity | undefined, readonly Carrier[]>()
  readonly #others = new Map<string, Upstream>()

  constructor(options: UpstreamsOptions) {
    this.configured = options.configured
    this.#options = options
  }

  /** Those that only a Pac script names. */
  get others(): readonly Upstream[] {
    return [...this.#others.values()]
  }

  /** Those of the Proxy lines, in their order. */
  carriersFor(identity: Identity | undefined): readonly Carrier[] {
    const known = this.#carriers.get(identity)
    if (known !== undefined) return known
    const carriers = this.configured.map(upstream =>
      carrierTo(new UpstreamAccess(upstream, identity)),
    )
    this.#carriers.set(identity, carriers)
    return carriers
  }

  /** The one that a Pac script names; where no Proxy line and no PacTrust knows it, it goes without an account. */
  carrierAt(address: HostPort, identity: Identity | undefined): Carrier {
    const label = formatHostPort(address)
    const own = this.configured.find(upstream => upstream.label === label)
    const account = own !== undefined || this.#options.isTrusted(address) ? identity : undefined
    return carrierTo(new UpstreamAccess(own ?? this.#otherAt(address, label), account))
  }

  /** Sessions of an identity that will not come back are closed, those in use at their end. */
  forget(identity: Identity): void {
    this.#carriers.delete(identity)
    for (const upstream of this.#all) upstream.forget(identity)
  }

  /** Retires those that the next configuration does not go on with. */
  retireAllBut(kept: ReadonlySet<Upstream>): void {
    for (const upstream of this.#all) if (!kept.has(upstream)) upstream.retire()
  }

  destroy(): void {
    for (const upstream of this.#all) upstream.destroy()
  }

  get #all(): Upstream[] {
    return [...this.configured, ...this.#others.values()]
  }

  #otherAt(address: HostPort, label: string): Upstream {
    const known = this.#others.get(label)
    if (known !== undefined) return known
    const [oldest] = this.#others
    if (this.#others.size >= MAX_OTHERS && oldest !== undefined) {
      this.#others.delete(oldest[0])
      oldest[1].retire()
    }
    const upstream = this.#options.make(address)
    this.#others.set(label, upstream)
    return upstream
  }
}
