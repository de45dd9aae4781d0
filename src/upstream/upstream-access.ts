import { ProxyError } from '../core/index.ts'
import { isSquids } from '../http1/index.ts'
import type { UpstreamConnection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { Identity } from './identity.ts'
import { finishDemand, noteDemand } from './logon.ts'
import type { SessionPool } from './session-pool.ts'
import type { Upstream } from './upstream.ts'

/** One identity at one upstream; its sessions never carry anything for another identity. */
export class UpstreamAccess {
  readonly upstream: Upstream
  readonly pool: SessionPool
  readonly #identity: Identity | undefined
  readonly #others: () => readonly UpstreamAccess[]

  /** @param others the same identity at other upstreams, which can show whether a refusal is about the account. */
  constructor(
    upstream: Upstream,
    identity: Identity | undefined,
    others: () => readonly UpstreamAccess[] = () => [],
  ) {
    this.upstream = upstream
    this.pool = upstream.poolFor(identity)
    this.#identity = identity
    this.#others = others
  }

  /** Who logs on. @throws ProxyError AUTH_NO_ACCOUNT. */
  get identity(): Identity {
    if (this.#identity !== undefined) return this.#identity
    const { label, options } = this.upstream
    throw new ProxyError('AUTH_NO_ACCOUNT', {
      detail: `${label} demands a logon; ${options.accountHint}`,
    })
  }

  /** Whether sending a request without credentials first would gain nothing. */
  get hasProof(): boolean {
    return this.#identity?.gate.hasProof === true
  }

  /** Whether a logon is possible, now or after the waiting ones. */
  get mayLogOn(): boolean {
    return this.#identity?.gate.isOpen === true
  }

  /** Another upstream that can show whether the account is fine. */
  get witness(): UpstreamAccess | undefined {
    return this.witnesses[0]
  }

  get witnesses(): readonly UpstreamAccess[] {
    return this.#others().filter(
      ({ upstream }) =>
        upstream !== this.upstream && upstream.isAvailable() && upstream.habits.answersChecks,
    )
  }

  /**
   * Reads a 407 to a request that carried no credentials, learns from it, and leaves the connection ready for a logon.
   * @throws ProxyError AUTH_NOT_OFFERED, or AUTH_STATE_LOST when the upstream closes the connection.
   */
  async learnFrom407(connection: UpstreamConnection, exchange: Exchange): Promise<void> {
    noteDemand(this.upstream, exchange)
    this.upstream.product = isSquids(exchange.head) ? 'squid' : 'other'
    this.upstream.demand = 'always'
    await finishDemand(this.upstream, connection, exchange)
  }
}
