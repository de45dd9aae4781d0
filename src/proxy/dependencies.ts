import type { CancelSignal, Clock, Emit } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { AccessRule, NoProxyRule, RateLimitOptions } from '../policy/index.ts'
import type { DirectRoutes, Identity, Upstreams } from '../upstream/index.ts'

/** The result of a PAC script, or undefined when it is unavailable. @throws ProxyError CLIENT_ABORTED. */
export type FindProxy = (
  url: string,
  host: string,
  signal: CancelSignal,
) => Promise<string | undefined>

/** The accounts that can log on. */
export interface Accounts {
  /** The configured account, if any. */
  readonly own: Identity | undefined
  /** The account named by a client. @throws ProxyError CLIENT_AUTH_REJECTED when it cannot be used. */
  ofClient(credentials: BasicCredentials): Identity
}

/** Which requests wait and are retried when an upstream limits requests. */
export interface RateLimitRules extends RateLimitOptions {
  readonly retry: 'connect' | 'all' | 'off'
}

/** Everything a frontend needs to serve a client; the service builds it anew for each configuration. */
export interface ProxyDependencies {
  readonly clock: Clock
  readonly emit: Emit
  readonly acl: readonly AccessRule[]
  readonly noProxy: readonly NoProxyRule[]
  /** Used where NoProxy does not decide; undefined without PAC. */
  readonly findProxy: FindProxy | undefined
  readonly upstreams: Upstreams
  readonly accounts: Accounts
  /** NTLMToBasic: requests through an upstream require the client's own account. */
  readonly demandsClientLogon: boolean
  readonly directRoutes: DirectRoutes
  /** Whether clients on other hosts may reach this host's own loopback by a direct route. */
  readonly directToLocal: boolean
  /** The TCP port of metrics and the status page; undefined without one. */
  readonly adminPort: number | undefined
  /** Whether an NTLM challenge from an origin reached directly may be answered. */
  readonly originLogon: boolean
  /** Whether such an origin gets a client's Basic credentials only after asking for them. */
  readonly withholdsBasic: boolean
  /** `Header` directives: each replaces the field of its name, or is added. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** This proxy's unique name in Via. */
  readonly pseudonym: string
  readonly rateLimit: RateLimitRules
  /** Concurrent client connections, in total and per address; 0 is no limit. */
  readonly maxClients: number
  readonly maxClientsPerAddress: number
  /** Requests that may wait for an upstream session. */
  readonly maxWaiting: number
  readonly headerTimeoutMs: number
  /** How long a client may pause in the middle of a body, and leave its response unread. 0: no limit. */
  readonly bodyTimeoutMs: number
  /** Minimum rate of a request body, in bytes per second, while others wait for the connection; 0 is no limit. */
  readonly bodyRate: number
  /** How long an idle client connection is kept. */
  readonly clientIdleMs: number
  readonly tunnelIdleMs: number
  readonly nextRequestId: () => string
}

/** The current dependencies. A request reads them once, at its start. */
export type CurrentDependencies = () => ProxyDependencies
