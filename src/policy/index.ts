export { type AccessRule, type AccessVerdict, checkAccess } from './acl.ts'
export { type HealthOptions, UpstreamHealth } from './health.ts'
export { isLocalTarget, isLoopback } from './local-target.ts'
export {
  AccountLedger,
  type LedgerRecord,
  type Logon,
  type LogonLimits,
  type LogonMode,
} from './account-ledger.ts'
export { LOGON_WINDOW_MS } from './guard-options.ts'
export type { GuardRecord, RefusedSecret } from './guard-record.ts'
export { type GuardStart, LockoutGuard } from './lockout-guard.ts'
export {
  type Consequence,
  type GuardForecast,
  isRefusal,
  type LogonVerdict,
  type LogonWish,
  NEVER_MS,
  type Permit,
  type Settlement,
} from './logon-terms.ts'
export { CredentialChoice, type Reading, type ReadingRecord } from './credential-choice.ts'
export { DeniedTargets } from './denied-targets.ts'
export { compileNoProxy, type NoProxyRule } from './no-proxy.ts'
export { OwnErrors } from './own-errors.ts'
export { type PacAnswer, type PacCandidate, parsePacAnswer } from './pac-answer.ts'
export { isWorthWaiting, limitedWaitMs, type RateLimitOptions, triesLeft } from './rate-limit.ts'
export {
  type AttemptPhase,
  decideRetry,
  type Evidence,
  evidenceAgainstUpstream,
  type FailedAttempt,
  type RetryDecision,
} from './retry.ts'
export {
  decideReadiness,
  type Readiness,
  type ReadinessFacts,
  type ReadinessOptions,
  type SpareGrade,
  type UpstreamWays,
} from './readiness.ts'
export { chooseRoute, type PacRoute, type Route, routeByPac } from './routing.ts'
export { TargetHabits } from './target-habits.ts'
export { type Stage, terminationOf } from './termination.ts'
export { TunnelDemand } from './tunnel-demand.ts'
