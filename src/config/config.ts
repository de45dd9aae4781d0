import type { AddressRule, DOCKER, HostPort, Secret } from '../core/index.ts'
import type { Origin } from './issues.ts'

export type PassEncoding = 'auto' | 'plain' | 'inverted'
export type Dialect = 'NTLMv2' | 'NTLM2SR' | 'NT' | 'NTLM' | 'LM'
/** The gravest first. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type OriginBasic = 'asked' | 'always'
export type RateLimitRetry = 'connect' | 'all' | 'off'
/** Up to which grade connections to upstreams are made ready before a request wants them. */
export type Warm = 'off' | 'dialled' | 'authenticated' | 'challenged'
export type LogFormat = 'auto' | 'json' | 'text'

/** What is spoken on a port: HTTP, SOCKS5, or whatever the target of a static tunnel speaks. */
export type Served =
  | { readonly kind: 'http' }
  | { readonly kind: 'socks5' }
  | { readonly kind: 'tunnel'; readonly target: HostPort }

export interface ListenAddress extends HostPort {
  /** An address, a host name, an interface or `docker`: which of them a name is, is found out when it is listened on. */
  readonly host: string
  readonly serves: Served
  readonly origin: Origin
}

/** Where metrics, health and the status page are served: an address of its own, or a socket of the Unix domain. */
export type AdminAddress = HostPort | { readonly path: string }

export interface SocksUser {
  readonly user: string
  readonly password: Secret<string>
}

/** Clients by the name of their host: `resolveClientNames` makes addresses of it. */
export interface NameRule {
  /** As the configuration wrote it, to be named in logs. */
  readonly text: string
  /** Lower-case. */
  readonly host: string
  /** Of the network around each address, or undefined for the address alone. */
  readonly length: number | undefined
  readonly origin: Origin
}

/** Clients in the networks of Docker's own bridges, as these are at the time. */
export interface DockerRule {
  readonly text: string
  readonly follows: typeof DOCKER
}

export interface AccessRule {
  readonly action: 'allow' | 'deny'
  readonly rule: AddressRule | NameRule | DockerRule
}

export interface HeaderSetting {
  readonly name: string
  readonly value: string
}

/** The effective configuration: frozen, complete, and free of contradictions. */
export interface Config {
  /** As written: the ntlm room takes `DOMAIN\user` and `user@domain` apart. Empty when no upstream is used. */
  readonly username: string
  readonly domain: string
  readonly workstation: string | undefined
  readonly password: Secret<string> | undefined
  /** Where the password stands: a file, `argv`, or `env:` with a variable. */
  readonly passwordFrom: string | undefined
  /** Absolute path of the file that the password is read from; undefined where `password` was given itself. */
  readonly passwordFile: string | undefined
  /** 16 bytes each, in the encoding that `passEncoding` names. */
  readonly passNt: Secret<Buffer> | undefined
  readonly passLm: Secret<Buffer> | undefined
  readonly passNtlmV2: Secret<Buffer> | undefined
  readonly passEncoding: PassEncoding
  readonly dialect: Dialect
  /** NegotiateFlags of the NEGOTIATE message, or undefined for those of the dialect. */
  readonly negotiateFlags: number | undefined
  readonly upstreams: readonly HostPort[]
  readonly listeners: readonly ListenAddress[]
  /** Who may use the SOCKS5 ports; empty lets everybody. */
  readonly socksUsers: readonly SocksUser[]
  readonly gateway: boolean
  readonly noProxy: readonly string[]
  /** In the order written: the first that matches decides. */
  readonly acl: readonly AccessRule[]
  readonly headers: readonly HeaderSetting[]
  readonly directToLocal: boolean
  /** Clients log on with an account of their own. */
  readonly ntlmToBasic: boolean
  /** Whether origins that are reached directly are answered a demand for NTLM. */
  readonly originLogon: boolean
  /** When a client's Basic credentials go to such an origin: once it asked for them, or with every request. */
  readonly originBasic: OriginBasic
  /** An absolute path, or an http or https URL without user information. */
  readonly pac: string | undefined
  /** How often a Pac from a URL is fetched again; 0 is never. */
  readonly pacRefreshMs: number
  /** Patterns of proxies that get the account's logon when the Pac names them. */
  readonly pacTrust: readonly string[]
  readonly stateDirectory: string | undefined
  /** Absolute path, or `off`; undefined for the usual place. */
  readonly controlSocket: string | undefined
  readonly connectTimeoutMs: number
  readonly handshakeTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly sessionIdleMs: number
  /** 0 is no limit. */
  readonly tunnelIdleMs: number
  readonly shutdownGraceMs: number
  readonly headerTimeoutMs: number
  /** How long a client may be silent within a body, or leave its answer unread; 0 is no limit. */
  readonly bodyTimeoutMs: number
  /** Bytes a second; 0 is off. */
  readonly bodyRate: number
  /** How long a client's connection without a request is kept. */
  readonly clientIdleMs: number
  /** Which requests wait and are retried when an upstream limits them: CONNECT, others without a body too, or none. */
  readonly rateLimitRetry: RateLimitRetry
  /** The longest single wait, and all waits of a request together. */
  readonly rateLimitWaitMs: number
  readonly rateLimitTotalMs: number
  readonly maxHandshakes: number
  /** Failed logons that may be charged to the account. */
  readonly logonBudget: number
  /** An http URL, or `off`. */
  readonly logonCheck: string
  /** Per upstream; tunnels do not count. */
  readonly maxSessions: number
  /** Requests that wait for a session of an upstream. */
  readonly maxWaiting: number
  /** Connections of clients in total; undefined for what the descriptors allow. */
  readonly maxClients: number | undefined
  /** Connections from one address; 0 is no limit. */
  readonly maxClientsPerAddress: number
  /** Processes that serve clients; `auto` is by the number of processors. */
  readonly workers: number | 'auto'
  readonly warm: Warm
  /** Preconnected sessions per upstream. */
  readonly warmMax: number
  /** Preconnected tunnels per upstream; 0 is none. */
  readonly warmTunnels: number
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** undefined for standard output. */
  readonly logFile: string | undefined
  readonly admin: AdminAddress | undefined
  /** Whether that address may be one that other hosts and containers reach. */
  readonly adminExposed: boolean
}

export const DEFAULTS: Config = {
  username: '',
  domain: '',
  workstation: undefined,
  password: undefined,
  passwordFrom: undefined,
  passwordFile: undefined,
  passNt: undefined,
  passLm: undefined,
  passNtlmV2: undefined,
  passEncoding: 'auto',
  dialect: 'NTLMv2',
  negotiateFlags: undefined,
  upstreams: [],
  listeners: [],
  socksUsers: [],
  gateway: false,
  noProxy: [],
  acl: [],
  headers: [],
  directToLocal: false,
  ntlmToBasic: false,
  originLogon: true,
  originBasic: 'asked',
  pac: undefined,
  pacRefreshMs: 300_000,
  pacTrust: [],
  stateDirectory: undefined,
  controlSocket: undefined,
  connectTimeoutMs: 2_500,
  handshakeTimeoutMs: 15_000,
  responseTimeoutMs: 900_000,
  // Below the two minutes after which Squid closes an idle client connection, so that this side closes it.
  sessionIdleMs: 100_000,
  tunnelIdleMs: 0,
  shutdownGraceMs: 30_000,
  headerTimeoutMs: 60_000,
  // A program may pause for long between reads, as a shell does with a script from curl.
  bodyTimeoutMs: 300_000,
  bodyRate: 500,
  // Longer than clients keep theirs, so that the clients close them.
  clientIdleMs: 120_000,
  rateLimitRetry: 'connect',
  rateLimitWaitMs: 30_000,
  // Programs in Go, dockerd and GitLab Runner among them, may give up a CONNECT that is not answered within a minute.
  rateLimitTotalMs: 50_000,
  maxHandshakes: 16,
  logonBudget: 2,
  logonCheck: 'http://255.255.255.255/',
  maxSessions: 512,
  maxWaiting: 1024,
  maxClients: undefined,
  maxClientsPerAddress: 0,
  workers: 1,
  warm: 'authenticated',
  warmMax: 8,
  warmTunnels: 0,
  logLevel: 'info',
  logFormat: 'auto',
  logFile: undefined,
  admin: undefined,
  adminExposed: false,
}

export interface DraftListener {
  /** undefined for a bare port: Gateway decides, wherever in the file it stands. */
  readonly host: string | undefined
  readonly port: number
  readonly serves: Served
  readonly origin: Origin
}

type Growing<T> = T extends readonly (infer Item)[] ? Item[] : T

/** A Config under construction. */
export type Draft = { -readonly [K in Exclude<keyof Config, 'listeners'>]: Growing<Config[K]> } & {
  listeners: DraftListener[]
}

export function newDraft(): Draft {
  return {
    ...DEFAULTS,
    upstreams: [],
    listeners: [],
    socksUsers: [],
    noProxy: [],
    pacTrust: [],
    acl: [],
    headers: [],
  }
}
