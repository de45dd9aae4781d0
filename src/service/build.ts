import type { Config, Served } from '../config/index.ts'
import { type Clock, countFrom, type Emit, type Entropy, type Secret } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { type Dialer, tcpDialer } from '../net/index.ts'
import { compileNoProxy } from '../policy/index.ts'
import {
  fixedTargetProtocol,
  type Frontend,
  HttpFrontend,
  type ProxyDependencies,
  socksProtocol,
  StreamFrontend,
} from '../proxy/index.ts'
import { carrierTo, DirectRoutes, Upstream } from '../upstream/index.ts'
import type { GuardStore } from './guard-store.ts'
import type { InheritedSocket } from './inherited-sockets.ts'
import { buildLogons } from './logons.ts'

/** What the object graph takes from outside; tests bring their own. */
export interface Ports {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
  /** Listening sockets that are there before the service starts. */
  readonly inheritedSockets?: readonly InheritedSocket[]
}

export interface BuildInput {
  readonly config: Config
  /** undefined when there is no upstream to log on to. */
  readonly credentials: NtlmCredentials | undefined
  /** What is tried when those are rejected: they read the hashes as inverted without certainty, this reads them plain. */
  readonly alternative?: NtlmCredentials | undefined
  /** Unix time in ms of the last change of the files read: an older rejection is not held against the password. */
  readonly configChangedAtMs: number
}

/** The objects that serve requests, built from one configuration and never changed. */
export interface Generation {
  readonly frontend: HttpFrontend
  /** What the connections of a listener are handed to. */
  readonly frontendFor: (served: Served) => Frontend
  readonly upstreams: readonly Upstream[]
  readonly directRoutes: DirectRoutes
}

/** How long a request waits for a free session before it is refused. */
const SESSION_WAIT_MS = 60_000

export function buildGeneration(input: BuildInput, ports: Ports): Generation {
  const { config } = input
  const { clock, emit, entropy } = ports
  const dialer = ports.dialer ?? tcpDialer({ clock, timeoutMs: config.connectTimeoutMs })
  const nextSessionId = countFrom()
  const pseudonym = `tsntlm-${entropy.bytes(4).toString('hex')}`
  const upstreams = buildUpstreams(input, ports, { dialer, nextSessionId, via: `1.1 ${pseudonym}` })
  const directRoutes = new DirectRoutes({
    dialer,
    clock,
    emit,
    nextSessionId,
    sessionIdleMs: config.sessionIdleMs,
    waitMs: SESSION_WAIT_MS,
    responseTimeoutMs: config.responseTimeoutMs,
  })
  const deps: ProxyDependencies = {
    clock,
    emit,
    acl: config.acl,
    noProxy: config.noProxy.map(compileNoProxy),
    carriers: upstreams.map(carrierTo),
    directRoutes,
    directDialer: dialer,
    directToLocal: config.directToLocal,
    headers: config.headers,
    pseudonym,
    headerTimeoutMs: config.headerTimeoutMs,
    tunnelIdleMs: config.tunnelIdleMs,
    nextRequestId: requestIds(entropy),
  }
  const frontend = new HttpFrontend(deps)
  const frontendFor = (served: Served): Frontend => {
    if (served.kind === 'http') return frontend
    if (served.kind === 'tunnel')
      return new StreamFrontend(deps, fixedTargetProtocol(served.target))
    return new StreamFrontend(deps, socksProtocol(socksUsers(config)))
  }
  return { frontend, frontendFor, upstreams, directRoutes }
}

/** Without accounts everybody may use the SOCKS5 ports. User names do not differ by case, as with cntlm. */
function socksUsers(config: Config): ReadonlyMap<string, Secret<string>> | undefined {
  if (config.socksUsers.length === 0) return undefined
  return new Map(config.socksUsers.map(({ user, password }) => [user.toLowerCase(), password]))
}

interface Shared {
  readonly dialer: Dialer
  readonly nextSessionId: () => number
  readonly via: string
}

function buildUpstreams(input: BuildInput, ports: Ports, shared: Shared): Upstream[] {
  const { config, credentials } = input
  if (credentials === undefined) return []
  const { clock, emit } = ports
  const logons = buildLogons({
    credentials,
    alternative: input.alternative,
    negotiateFlags: config.negotiateFlags,
    configChangedAtMs: input.configChangedAtMs,
    ...ports,
  })
  return config.upstreams.map(
    address =>
      new Upstream({
        address,
        ...logons,
        clock,
        emit,
        ...shared,
        maxSessions: config.maxSessions,
        maxConnecting: config.maxHandshakes,
        sessionIdleMs: config.sessionIdleMs,
        waitMs: SESSION_WAIT_MS,
        handshakeTimeoutMs: config.handshakeTimeoutMs,
        responseTimeoutMs: config.responseTimeoutMs,
      }),
  )
}

/** `3f9c-1`, `3f9c-2` ...: short enough to be read out, different after a restart. */
function requestIds(entropy: Entropy): () => string {
  const prefix = entropy.bytes(2).toString('hex')
  const next = countFrom()
  return () => `${prefix}-${next()}`
}
