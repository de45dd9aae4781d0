import type { Clock, Emit } from '../core/index.ts'
import type { Dialer } from '../net/index.ts'
import type { AccessRule, NoProxyRule } from '../policy/index.ts'
import type { Carrier, DirectRoutes } from '../upstream/index.ts'

/** All that a frontend needs to serve a client; built by the service room. */
export interface ProxyDependencies {
  readonly clock: Clock
  readonly emit: Emit
  readonly acl: readonly AccessRule[]
  readonly noProxy: readonly NoProxyRule[]
  /** The upstream proxies, the preferred one first. */
  readonly carriers: readonly Carrier[]
  readonly directRoutes: DirectRoutes
  readonly directDialer: Dialer
  /** Whether clients of other hosts may reach this host's own loopback through a direct route. */
  readonly directToLocal: boolean
  /** `Header` directives: each replaces the field of its name, or is added. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** This proxy's name in Via, unlike any other's. */
  readonly pseudonym: string
  readonly headerTimeoutMs: number
  readonly tunnelIdleMs: number
  readonly nextRequestId: () => string
}
