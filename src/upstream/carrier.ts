import type { ProxyError } from '../core/index.ts'
import type { Attempt, Way } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { SessionPool } from './session-pool.ts'

/** Somewhere a call can be sent: an upstream proxy, or an origin directly. */
export interface Carrier {
  readonly way: Way
  readonly label: string
  readonly pool: Pick<SessionPool, 'acquire'>
  isAvailable(): boolean
  /** How long it is put aside yet, in milliseconds; 0 when it is not. */
  backInMs(): number
  carry(attempt: Attempt): Promise<Exchange>
  failed(error: ProxyError): void
  succeeded(): void
}
