import type { Served } from '../config/index.ts'
import type { ErrorCode, ProxyEvent, UpstreamNews } from '../core/index.ts'
import type {
  Consequence,
  GuardForecast,
  LogonMode,
  LogonVerdict,
  LogonWish,
  Settlement,
} from '../policy/index.ts'
import type { ProcessNames, WorkerSnapshot } from '../service/index.ts'
import type { PackedInput } from './packed-input.ts'

/** Whose password is to be sent: that of the configuration, which has a number, or the one that a client brought. */
export type Holder =
  | { readonly kind: 'own'; readonly serial: number }
  | { readonly kind: 'client'; readonly user: string; readonly password: string }

export interface OwnGuard {
  readonly serial: number
  readonly forecast: GuardForecast
}

export interface PackedError {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly retryAfterMs: number | undefined
}

/** What becomes of a question to a guard. */
export interface GateAnswer {
  readonly type: 'answer'
  readonly pass: number
  /** undefined where no guard could be asked. */
  readonly forecast: GuardForecast | undefined
  readonly mode: LogonMode
  readonly isProven: boolean
  readonly consequence: Consequence
  /** Refused; everything else is without meaning then. */
  readonly error: PackedError | undefined
}

export type ToWorker =
  /** The first one of them makes it serve. */
  | {
      readonly type: 'configure'
      readonly input: PackedInput
      readonly own: OwnGuard | undefined
      readonly names: ProcessNames
    }
  /** Comes with the connection. */
  | { readonly type: 'client'; readonly client: number; readonly served: Served }
  | { readonly type: 'guard'; readonly own: OwnGuard }
  | GateAnswer
  | { readonly type: 'news'; readonly news: UpstreamNews }
  | { readonly type: 'look'; readonly question: number; readonly wants: 'counts' | 'work' }
  | { readonly type: 'drain' }
  /** What is open ends now. */
  | { readonly type: 'abort' }

/** Each pass has a number that its worker gives it. */
export type GateQuestion =
  | {
      readonly type: 'enter'
      readonly pass: number
      readonly holder: Holder
      readonly wish: LogonWish
    }
  /** The AUTHENTICATE is ready. */
  | { readonly type: 'send'; readonly pass: number }
  | { readonly type: 'leave'; readonly pass: number }
  /** Whoever was told to settle a refusal has done so. */
  | { readonly type: 'settled'; readonly pass: number; readonly holder: Holder }
  | {
      readonly type: 'verdict'
      readonly pass: number
      readonly verdict: LogonVerdict
      readonly upstream: string
      readonly settlement: Settlement
    }

export type FromWorker =
  | { readonly type: 'serving' }
  /** The connection has arrived, and nothing was read from it yet. */
  | { readonly type: 'taken'; readonly client: number }
  | {
      readonly type: 'report'
      readonly events: readonly ProxyEvent[]
      /** Connections that were closed, by their numbers. */
      readonly closed: readonly number[]
      /** Requests and tunnels that are open. */
      readonly inProgress: number
    }
  | GateQuestion
  | { readonly type: 'snapshot'; readonly question: number; readonly snapshot: WorkerSnapshot }
  | { readonly type: 'drained' }
