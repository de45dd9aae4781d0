export {
  type Call,
  type Delivered,
  newTrace,
  type Patience,
  type Trace,
  type Way,
} from './attempt.ts'
export {
  accountOf,
  type Authenticator,
  type AuthExchange,
  ntlmAuthenticator,
  type NtlmAuthenticatorOptions,
} from './authenticator.ts'
export { checkRequest, KEEP_ALIVE } from './logon-check.ts'
export type { DetachedStream } from './connection.ts'
export { DirectRoutes, type DirectOptions, type DirectPermission } from './direct.ts'
export type { Carrier } from './carrier.ts'
export { deliver } from './dispatcher.ts'
export type { BodySink, Exchange } from './exchange.ts'
export type { Identity } from './identity.ts'
export {
  type Gate,
  GuardGate,
  type GuardGateOptions,
  type GuardStatus,
  type UnlockOutcome,
  type LogonPass,
} from './guard-gate.ts'
export { type RequestBody, StreamBody, type StreamBodyOptions } from './request-body.ts'
export type { OriginRights } from './origin-carry.ts'
export type { Lease, SessionOwner } from './lease.ts'
export type { PoolCounts } from './pool-options.ts'
export {
  askDemand,
  type Connected,
  type Demanded,
  type Trial,
  type TrialOptions,
  tryConnect,
  tryLogon,
} from './trial.ts'
export { Upstream, type UpstreamOptions } from './upstream.ts'
export { Upstreams, type UpstreamsOptions } from './upstreams.ts'
