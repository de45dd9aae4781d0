import {
  Cancellation,
  type CancelSignal,
  type Clock,
  type Emit,
  type ErrorCode,
  type Listed,
  ProxyError,
  type RequestId,
} from '../core/index.ts'
import { type Stage, terminationOf } from '../policy/index.ts'
import type { Tunnel } from '../net/index.ts'
import { type Identity, newTrace, type Trace } from '../upstream/index.ts'
import type { WorkInProgress } from './frontend.ts'

export interface ScopeOptions {
  readonly id: string
  readonly client: string
  readonly method: string
  readonly target: string
  readonly clock: Clock
  readonly emit: Emit
}

/** One request from its arrival to its end: its costs, its cancellation and its single access record. */
export class RequestScope implements Listed {
  readonly id: string
  readonly client: string
  readonly trace: Trace = newTrace()
  /** The account for its upstream logons, once known. */
  identity: Identity | undefined
  place = -1
  status = 0
  bytesIn = 0
  bytesOut = 0
  stage: Stage = 'request'
  #tunnel: Tunnel | undefined
  readonly #options: ScopeOptions
  readonly #cancellation = new Cancellation()
  readonly #startedAt: number
  #respondedAt: number | undefined
  #error: ProxyError | undefined
  #finished = false

  constructor(options: ScopeOptions) {
    this.id = options.id
    this.client = options.client
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  /** Aborted when the client goes away or the proxy stops. */
  get signal(): CancelSignal {
    return this.#cancellation
  }

  abort(code: ErrorCode = 'CLIENT_ABORTED'): void {
    this.fail(new ProxyError(code))
    this.#cancellation.abort()
  }

  /** The client half-closed, and its grace period has passed. */
  clientGone(): void {
    const detail = 'the client ended its side before it was answered'
    this.fail(new ProxyError('CLIENT_ABORTED', { detail }))
    this.#cancellation.abort()
  }

  /** The response head is being sent to the client. */
  responded(status: number): void {
    this.status = status
    this.#respondedAt = this.#options.clock.now()
    this.stage = 'data'
  }

  /** The request becomes a tunnel. `bytesIn` and `bytesOut` are what was transferred before. */
  relay(tunnel: Tunnel): void {
    this.#tunnel = tunnel
  }

  get progress(): WorkInProgress {
    const { client, clock, method, target } = this.#options
    const { upstream, way } = this.trace
    const now = clock.now()
    const unixTime = (at: number): number => Math.round(clock.wallMs() - (now - at))
    return {
      id: this.id,
      kind: this.#tunnel === undefined ? 'request' : 'tunnel',
      client,
      method,
      target,
      route: way,
      upstream,
      startedAt: unixTime(this.#startedAt),
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      lastMovedAt: this.#tunnel && unixTime(this.#tunnel.lastMovedAt),
    }
  }

  get #bytesIn(): number {
    return this.bytesIn + (this.#tunnel?.bytesFromClient ?? 0)
  }

  get #bytesOut(): number {
    return this.bytesOut + (this.#tunnel?.bytesFromUpstream ?? 0)
  }

  /** Only the first failure counts. */
  fail(error: ProxyError): void {
    this.#error ??= error
  }

  /** Emits the access record, once. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    const { client, clock, emit, method, target } = this.#options
    const { attempts, authMs, connectMs, upstream, way } = this.trace
    emit({
      type: 'request.finished',
      record: {
        id: this.id as RequestId,
        client,
        method,
        target,
        isTunnel: this.#tunnel !== undefined,
        route: way ?? 'none',
        upstream,
        status: this.status,
        bytesIn: this.#bytesIn,
        bytesOut: this.#bytesOut,
        totalMs: clock.now() - this.#startedAt,
        responseMs:
          this.#respondedAt === undefined ? undefined : this.#respondedAt - this.#startedAt,
        connectMs,
        authMs,
        attempts,
        termination: terminationOf(this.#error?.code, this.stage),
        error: this.#error?.code,
        detail: this.#error?.detail,
      },
    })
  }
}
