import { addressRules, type Config } from '../config/index.ts'
import type { Clock, Emit, Entropy } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { clientsWithin, type Dialer, type Interface, isInDockerNetwork } from '../net/index.ts'
import type { Statistics } from '../observe/index.ts'
import type { KeeperOptions, PacFinder } from '../pac/index.ts'
import { compileNoProxy } from '../policy/index.ts'
import type { ProxyDependencies } from '../proxy/index.ts'
import { DirectRoutes, type Identity, type UpstreamOptions, Upstreams } from '../upstream/index.ts'
import { ProxyAccounts } from './accounts.ts'
import { CarryOver } from './carry-over.ts'
import type { GuardStore } from './guard-store.ts'
import type { InheritedSocket } from './inherited-sockets.ts'
import { RecentInterfaces } from './recent-interfaces.ts'
import type { Program } from './status.ts'

/** What the object graph takes from outside; tests bring their own. */
export interface Ports {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
  readonly openPac?: (options: KeeperOptions) => PacFinder
  /** Default: those of this host. */
  readonly readInterfaces?: () => readonly Interface[]
  /** Default: nothing is counted. */
  readonly statistics?: Pick<Statistics, 'snapshot'>
  readonly program?: Program
  /** Listening sockets that are there before the service starts. */
  readonly inheritedSockets?: readonly InheritedSocket[]
}

export interface BuildInput {
  readonly config: Config
  /** undefined when there is no account of the configuration. */
  readonly credentials: NtlmCredentials | undefined
  /** What is tried when those are rejected: they read the hashes as inverted without certainty, this reads them plain. */
  readonly alternative?: NtlmCredentials | undefined
  /** What upstreams are told as the place of a client's logon. */
  readonly workstation?: string
  /** The configuration file; undefined when there is none. */
  readonly file?: string | undefined
  /** Unix time in ms of the last change of the files read: an older rejection is not held against the password. */
  readonly configChangedAtMs: number
}

/** The objects that serve requests, built from one configuration and never changed. */
export interface Generation {
  readonly config: Config
  readonly deps: ProxyDependencies
  readonly accounts: ProxyAccounts
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
  const { clock, emit, entropy } = ports
  const dialer = carryOver.dialerFor(config.connectTimeoutMs)
  const { nextRequestId, nextSessionId, pseudonym } = carryOver
  const own = buildOwnAccount(input, carryOver)
  const upstreams = buildUpstreams(config, dialer, carryOver, own?.identity)
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
    config,
    workstation: input.workstation ?? input.credentials?.workstation ?? '',
    own,
    ledgers: carryOver.ledgers,
    onForgotten: identity => {
      upstreams.forget(identity)
      directRoutes.forget(identity)
    },
    clock,
    emit,
    entropy,
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
    maxClients: config.maxClients ?? clientsWithin(carryOver.descriptorLimit),
    maxClientsPerAddress: config.maxClientsPerAddress,
    maxWaiting: config.maxWaiting,
    headerTimeoutMs: config.headerTimeoutMs,
    bodyTimeoutMs: config.bodyTimeoutMs,
    clientIdleMs: config.clientIdleMs,
    tunnelIdleMs: config.tunnelIdleMs,
    nextRequestId,
  }
  return { config, deps, accounts, upstreams, directRoutes }
}

function buildOwnAccount(
  { config, credentials, alternative, configChangedAtMs }: BuildInput,
  carryOver: CarryOver,
): ReturnType<CarryOver['accountFor']> | undefined {
  if (credentials === undefined) return undefined
  const { negotiateFlags } = config
  return carryOver.accountFor({ credentials, alternative, negotiateFlags, configChangedAtMs })
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
