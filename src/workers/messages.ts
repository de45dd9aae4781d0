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

/** Whose password is to be sent: the configured one, which has a serial number, or one that a client supplied. */
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

/** A guard's answer to a question. */
export interface GateAnswer {
  readonly type: 'answer'
  readonly pass: number
  /** undefined if no guard could be asked. */
  readonly forecast: GuardForecast | undefined
  readonly mode: LogonMode
  readonly isProven: boolean
  readonly consequence: Consequence
  /** Set when the logon is refused; all other fields are meaningless then. */
  readonly error: PackedError | undefined
}

export type ToWorker =
  /** The first one makes the worker serve. */
  | {
      readonly type: 'configure'
      readonly input: PackedInput
      readonly own: OwnGuard | undefined
      readonly names: ProcessNames
    }
  /** Sent along with the connection. */
  | { readonly type: 'client'; readonly client: number; readonly served: Served }
  | { readonly type: 'guard'; readonly own: OwnGuard }
  | GateAnswer
  | { readonly type: 'news'; readonly news: UpstreamNews }
  | { readonly type: 'look'; readonly question: number; readonly wants: 'counts' | 'work' }
  | { readonly type: 'drain' }
  /** Ends all requests and tunnels now. */
  | { readonly type: 'abort' }

/** Each logon has a number, `pass`, that its worker assigns. */
export type GateQuestion =
  | {
      readonly type: 'enter'
      readonly pass: number
      readonly holder: Holder
      readonly wish: LogonWish
    }
  /** The AUTHENTICATE_MESSAGE is ready to be sent. */
  | { readonly type: 'send'; readonly pass: number }
  | { readonly type: 'leave'; readonly pass: number }
  /** The settlement of a refusal is complete. */
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
  /** The connection has arrived, and nothing has been read from it yet. */
  | { readonly type: 'taken'; readonly client: number }
  | {
      readonly type: 'report'
      readonly events: readonly ProxyEvent[]
      /** Numbers of the connections that were closed. */
      readonly closed: readonly number[]
      /** Open requests and tunnels. */
      readonly inProgress: number
    }
  | GateQuestion
  | { readonly type: 'snapshot'; readonly question: number; readonly snapshot: WorkerSnapshot }
  | { readonly type: 'drained' }
