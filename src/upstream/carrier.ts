import type { ProxyError } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import type { Evidence } from '../policy/index.ts'
import type { Attempt, Delivered, Way } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { SessionPool } from './session-pool.ts'

/** A candidate for sending a call: an upstream proxy, or an origin directly. */
export interface Carrier {
  readonly way: Way
  readonly label: string
  readonly pool: Pick<SessionPool, 'acquire' | 'isAlive' | 'takeReady'>
  isAvailable(): boolean
  /** Remaining cool-down in milliseconds; 0 when it is not marked down. */
  backInMs(): number
  /** A tunnel to the target of this CONNECT that was opened ahead of time. */
  takeTunnel?(request: RequestHead): Delivered | undefined
  carry(attempt: Attempt): Promise<Exchange>
  failed(error: ProxyError, evidence: Exclude<Evidence, 'none'>): void
  succeeded(attempt: Attempt, exchange: Exchange): void
}
