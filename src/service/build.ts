import { addressRules, type Config } from '../config/index.ts'
import { clientsWithin, type Dialer, isInDockerNetwork } from '../net/index.ts'
import type { Statistics } from '../observe/index.ts'
import { compileNoProxy } from '../policy/index.ts'
import type { ProxyDependencies } from '../proxy/index.ts'
import {
  DirectRoutes,
  type GuardGate,
  type Identity,
  type UpstreamOptions,
  Upstreams,
} from '../upstream/index.ts'
import { ProxyAccounts } from './accounts.ts'
import type { BuildInput } from './build-input.ts'
import { CarryOver, type CarryOverPorts } from './carry-over.ts'
import type { InheritedSocket } from './inherited-sockets.ts'
import { RecentInterfaces } from './recent-interfaces.ts'
import type { Program } from './status.ts'
import type { Workforce } from './workforce.ts'

/** External dependencies of the object graph; tests supply their own. */
export interface Ports extends CarryOverPorts {
  /** Default: nothing is counted. */
  readonly statistics?: Pick<Statistics, 'snapshot'>
  readonly program?: Program
  /** Listening sockets that exist before the service starts. */
  readonly inheritedSockets?: readonly InheritedSocket[]
  /** Worker processes, if any. */
  readonly workforce?: Workforce | undefined
}

/** The objects that serve requests, built from one configuration and immutable. */
export interface Generation {
  readonly config: Config
  readonly deps: ProxyDependencies
  readonly accounts: ProxyAccounts
  /** The guard of the configured account, if it is in this process. */
  readonly guard: GuardGate | undefined
  readonly upstreams: Upstreams
  readonly directRoutes: DirectRoutes
}

/** How long a request waits for a free session before it is refused. */
const SESSION_WAIT_MS = 60_000

export function buildGeneration(
  input: BuildInput,
  ports: Ports,
  carryOver: CarryOver = new CarryOver(ports),
): Generation {
  const { config } = input
  const { clock, emit, entropy, workforce } = ports
  const processes = workforce?.size ?? 1
  const dialer = carryOver.dialerFor(config.connectTimeoutMs)
  const { logons, nextRequestId, nextSessionId, pseudonym } = carryOver
  const own = logons.own(input)
  const upstreams = buildUpstreams(config, dialer, carryOver, own)
  const interfaces = new RecentInterfaces(carryOver.readInterfaces, clock)
  const pac = carryOver.pacFor(config.pac, config.pacRefreshMs)
  const directRoutes = new DirectRoutes({
    dialer,
    clock,
    emit,
    nextSessionId,
    sessionIdleMs: config.sessionIdleMs,
    waitMs: SESSION_WAIT_MS,
    maxWaiting: config.maxWaiting,
    handshakeTimeoutMs: config.handshakeTimeoutMs,
    responseTimeoutMs: config.responseTimeoutMs,
  })
  const accounts = new ProxyAccounts({
    own,
    identify: basic => logons.identify(basic, input),
    entropy,
    onForgotten: identity => {
      upstreams.forget(identity)
      directRoutes.forget(identity)
    },
  })
  const deps: ProxyDependencies = {
    clock,
    emit,
    acl: addressRules(config, client => isInDockerNetwork(client, interfaces.current)),
    noProxy: config.noProxy.map(compileNoProxy),
    findProxy: pac === undefined ? undefined : (...question) => pac.find(...question),
    upstreams,
    accounts,
    demandsClientLogon: config.ntlmToBasic,
    directRoutes,
    directToLocal: config.directToLocal,
    adminPort: config.admin !== undefined && 'port' in config.admin ? config.admin.port : undefined,
    originLogon: config.originLogon,
    withholdsBasic: config.originBasic === 'asked',
    headers: config.headers,
    pseudonym,
    rateLimit: {
      retry: config.rateLimitRetry,
      maxWaitMs: config.rateLimitWaitMs,
      maxTotalMs: config.rateLimitTotalMs,
    },
    maxClients: config.maxClients ?? clientsWithin(carryOver.descriptorLimit) * processes,
    maxClientsPerAddress: config.maxClientsPerAddress,
    maxWaiting: config.maxWaiting,
    headerTimeoutMs: config.headerTimeoutMs,
    bodyTimeoutMs: config.bodyTimeoutMs,
    bodyRate: config.bodyRate,
    clientIdleMs: config.clientIdleMs,
    tunnelIdleMs: config.tunnelIdleMs,
    nextRequestId,
  }
  return { config, deps, accounts, guard: logons.guard, upstreams, directRoutes }
}

function buildUpstreams(
  config: Config,
  dialer: Dialer,
  carryOver: CarryOver,
  own: Identity | undefined,
): Upstreams {
  const options: Omit<
    UpstreamOptions,
    'address' | 'accountHint' | 'clock' | 'emit' | 'nextSessionId' | 'via'
  > = {
    dialer,
    maxSessions: config.maxSessions,
    maxConnecting: config.maxHandshakes,
    sessionIdleMs: config.sessionIdleMs,
    waitMs: SESSION_WAIT_MS,
    maxWaiting: config.maxWaiting,
    handshakeTimeoutMs: config.handshakeTimeoutMs,
    responseTimeoutMs: config.responseTimeoutMs,
    logonCheck: config.logonCheck,
    userAgent: config.headers.find(({ name }) => name.toLowerCase() === 'user-agent')?.value,
  }
  const trusted = config.pacTrust.map(compileNoProxy)
  return new Upstreams({
    configured: carryOver.upstreamsFor(config.upstreams, {
      ...options,
      accountHint: 'Username and Password in the configuration give it one',
    }),
    make: address =>
      carryOver.makeUpstream({
        ...options,
        address,
        accountHint: 'only the Pac script names it, and PacTrust in the configuration does not',
      }),
    isTrusted: address => trusted.some(rule => rule.matches(address)),
    own,
    readiness: { upTo: config.warm, max: config.warmMax },
    maxTunnelsAhead: config.warmTunnels,
  })
}
