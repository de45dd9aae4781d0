import type { CancelSignal, Clock, Emit } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { AccessRule, NoProxyRule, RateLimitOptions } from '../policy/index.ts'
import type { DirectRoutes, Identity, Upstreams } from '../upstream/index.ts'

/** What a Pac script answers, or undefined when it cannot be asked. @throws ProxyError CLIENT_ABORTED. */
export type FindProxy = (
  url: string,
  host: string,
  signal: CancelSignal,
) => Promise<string | undefined>

/** Who may log on. */
export interface Accounts {
  /** The account of the configuration, if it has one. */
  readonly own: Identity | undefined
  /** The account that a client names. @throws ProxyError CLIENT_AUTH_REJECTED when it cannot be used. */
  ofClient(credentials: BasicCredentials): Identity
}

/** What waits and is sent again when an upstream limits requests. */
export interface RateLimitRules extends RateLimitOptions {
  readonly retry: 'connect' | 'all' | 'off'
}

/** All that a frontend needs to serve a client; built by the service room anew for each configuration. */
export interface ProxyDependencies {
  readonly clock: Clock
  readonly emit: Emit
  readonly acl: readonly AccessRule[]
  readonly noProxy: readonly NoProxyRule[]
  /** Asked where NoProxy does not decide; undefined without Pac. */
  readonly findProxy: FindProxy | undefined
  readonly upstreams: Upstreams
  readonly accounts: Accounts
  /** NTLMToBasic: requests through an upstream need an account of the client's. */
  readonly demandsClientLogon: boolean
  readonly directRoutes: DirectRoutes
  /** Whether clients of other hosts may reach this host's own loopback through a direct route. */
  readonly directToLocal: boolean
  /** The TCP port where metrics and the status page are, undefined without one. */
  readonly adminPort: number | undefined
  /** Whether an origin that is reached directly may be answered a demand for NTLM. */
  readonly originLogon: boolean
  /** Whether a client's Basic credentials go to such an origin only after it asked for them. */
  readonly withholdsBasic: boolean
  /** `Header` directives: each replaces the field of its name, or is added. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** This proxy's name in Via, unlike any other's. */
  readonly pseudonym: string
  readonly rateLimit: RateLimitRules
  /** Connections of clients at once, in total and from one address; 0 is no limit. */
  readonly maxClients: number
  readonly maxClientsPerAddress: number
  /** Requests that wait for a session of an upstream. */
  readonly maxWaiting: number
  readonly headerTimeoutMs: number
  /** How long a client may be silent in the middle of a body, and leave its answer unread. 0: for ever. */
  readonly bodyTimeoutMs: number
  /** Bytes of a body that a client has to send in a second while others wait for the connection; 0 is no limit. */
  readonly bodyRate: number
  /** How long a client's connection without a request is kept. */
  readonly clientIdleMs: number
  readonly tunnelIdleMs: number
  readonly nextRequestId: () => string
}

/** The dependencies as they are now: a request takes them once, at its start. */
export type CurrentDependencies = () => ProxyDependencies
