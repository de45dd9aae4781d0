export type { Call, Delivered, Trace } from './attempt.ts'
export {
  accountOf,
  type Authenticator,
  type AuthExchange,
  ntlmAuthenticator,
  type NtlmAuthenticatorOptions,
} from './authenticator.ts'
export { carrierTo } from './carry.ts'
export { KEEP_ALIVE } from './logon-check.ts'
export type { DetachedStream } from './connection.ts'
export { DirectRoutes, type DirectOptions } from './direct.ts'
export { type Carrier, deliver } from './dispatcher.ts'
export type { BodySink, Exchange } from './exchange.ts'
export { GuardGate, type GuardGateOptions, type LogonPass } from './guard-gate.ts'
export { type RequestBody, StreamBody, type StreamBodyOptions } from './request-body.ts'
export { type PoolOptions, type Session } from './session-pool.ts'
export { askDemand, type Demanded, type Trial, type TrialOptions, tryLogon } from './trial.ts'
export { Upstream, type UpstreamOptions } from './upstream.ts'
