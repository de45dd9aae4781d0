import type { UpstreamNews } from '../core/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import { buildGeneration, type Generation, type Ports } from './build.ts'
import type { BuildInput } from './build-input.ts'
import { CarryOver } from './carry-over.ts'
import { Frontends } from './frontends.ts'

/** Serves clients under one configuration after the other, wherever their connections come from. */
export class Serving {
  readonly frontends: Frontends
  readonly carryOver: CarryOver
  readonly #ports: Ports
  #generation: Generation

  constructor(input: BuildInput, ports: Ports) {
    this.#ports = ports
    this.carryOver = new CarryOver(ports)
    this.#generation = buildGeneration(input, ports, this.carryOver)
    this.frontends = new Frontends(
      () => this.#generation.deps,
      () => this.#generation.config,
      ports.workforce,
    )
  }

  get generation(): Generation {
    return this.#generation
  }

  /** Open tunnels and requests in progress. */
  get work(): readonly WorkInProgress[] {
    return this.frontends.all.flatMap(({ workInProgress }) => workInProgress)
  }

  /** Number of open tunnels and requests in progress. */
  get size(): number {
    return this.frontends.all.reduce((sum, frontend) => sum + frontend.requestsInProgress, 0)
  }

  /**
   * Requests in progress finish under the old configuration, new ones use the new one. Upstreams that stay keep their
   * sessions, and an account that stays keeps its verdict.
   */
  change(input: BuildInput): void {
    const old = this.#generation
    this.#generation = buildGeneration(input, this.#ports, this.carryOver)
    const { accounts, upstreams } = this.#generation
    old.accounts.forgetClients()
    const { own } = old.accounts
    if (own !== undefined && own !== accounts.own) old.upstreams.forget(own)
    old.upstreams.retireAllBut(new Set(upstreams.configured))
    old.directRoutes.retire()
  }

  /** Applies what another process has learned about an upstream. */
  learn(news: UpstreamNews): void {
    this.#generation.upstreams.learn(news)
  }

  /** Closes idle connections; resolves when no request and no tunnel is left. */
  async drain(): Promise<void> {
    await Promise.all(this.frontends.all.map(async frontend => frontend.drain()))
  }

  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number {
    const { directRoutes, upstreams } = this.#generation
    const cut = this.frontends.all.reduce((sum, frontend) => sum + frontend.destroy(), 0)
    upstreams.destroy()
    directRoutes.destroy()
    this.carryOver.close()
    return cut
  }
}
