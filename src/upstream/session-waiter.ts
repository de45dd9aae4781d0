import { type CancelSignal, type Clock, ProxyError } from '../core/index.ts'
import type { Lease, SessionOwner } from './lease.ts'
import type { AcquireOptions } from './pool-options.ts'
import type { InLine } from './waiting-line.ts'

/** Stands for requests without a client address. */
export const ANYBODY = ''

/** A request that waits for a session. */
export class SessionWaiter implements InLine {
  readonly client: string
  readonly wantsFresh: boolean
  readonly owner: SessionOwner | undefined
  readonly mayEndLogon: boolean
  readonly hasElsewhere: () => boolean
  readonly signal: CancelSignal
  readonly #lease: Promise<Lease>
  #hasLeft = false
  #resolve!: (lease: Lease) => void
  #reject!: (error: ProxyError) => void

  constructor(signal: CancelSignal, options: AcquireOptions) {
    this.signal = signal
    this.client = options.client ?? ANYBODY
    this.wantsFresh = options.wantsFresh ?? false
    this.owner = options.owner
    this.mayEndLogon = options.mayEndLogon ?? false
    this.hasElsewhere = options.hasElsewhere ?? (() => false)
    this.#lease = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The request gave up: a connection being made for it goes to another waiter. */
  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** @throws ProxyError POOL_TIMEOUT, CLIENT_ABORTED, and the error passed to `leave`. */
  async outcome(clock: Clock, waitMs: number, label: string): Promise<Lease> {
    const onAbort = (): void => this.leave(new ProxyError('CLIENT_ABORTED'))
    this.signal.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimer(waitMs, () =>
      this.leave(new ProxyError('POOL_TIMEOUT', { detail: `${label}, after ${waitMs} ms` })),
    )
    try {
      return await this.#lease
    } finally {
      timer.cancel()
      this.signal.removeEventListener('abort', onAbort)
    }
  }

  serve(lease: Lease): void {
    this.#resolve(lease)
  }

  leave(error: ProxyError): void {
    this.#hasLeft = true
    this.#reject(error)
    this.onLeft()
  }

  /** Set by the pool. */
  onLeft: () => void = () => undefined
}
