import type { Config } from '../config/index.ts'
import { type Clock, countFrom, type Emit, type Entropy } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { type Dialer, tcpDialer } from '../net/index.ts'
import { compileNoProxy, LockoutGuard } from '../policy/index.ts'
import { HttpFrontend } from '../proxy/index.ts'
import {
  carrierTo,
  DirectRoutes,
  GuardGate,
  ntlmAuthenticator,
  Upstream,
} from '../upstream/index.ts'
import type { GuardStore } from './guard-store.ts'

/** What the object graph takes from outside; tests bring their own. */
export interface Ports {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
}

export interface BuildInput {
  readonly config: Config
  /** undefined when there is no upstream to log on to. */
  readonly credentials: NtlmCredentials | undefined
  /** Unix time in ms of the last change of the files read: an older rejection is not held against the password. */
  readonly configChangedAtMs: number
}

/** The objects that serve requests, built from one configuration and never changed. */
export interface Generation {
  readonly frontend: HttpFrontend
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
  const frontend = new HttpFrontend({
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
  })
  return { frontend, upstreams, directRoutes }
}

interface Shared {
  readonly dialer: Dialer
  readonly nextSessionId: () => number
  readonly via: string
}

function buildUpstreams(
  { config, credentials, configChangedAtMs }: BuildInput,
  ports: Ports,
  shared: Shared,
): Upstream[] {
  if (credentials === undefined) return []
  const { clock, emit, entropy, guardStore } = ports
  const authenticator = ntlmAuthenticator({
    credentials,
    entropy,
    clock,
    negotiateFlags: config.negotiateFlags,
  })
  const { account } = authenticator
  const guard = new LockoutGuard(clock.wallMs(), guardStore.load(account), configChangedAtMs)
  const gate = new GuardGate({
    guard,
    clock,
    account,
    save: record => guardStore.save(account, record),
    onProven: () => emit({ type: 'guard.proven', account }),
    onTripped: (upstream, forMs) => emit({ type: 'guard.tripped', account, upstream, forMs }),
  })
  return config.upstreams.map(
    address =>
      new Upstream({
        address,
        authenticator,
        gate,
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
