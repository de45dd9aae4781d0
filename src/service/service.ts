import { formatHostPort, type HostPort } from '../core/index.ts'
import { createStatistics, type Statistics } from '../observe/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import type { UnlockOutcome } from '../upstream/index.ts'
import { buildGeneration, type BuildInput, type Generation, type Ports } from './build.ts'
import { CarryOver } from './carry-over.ts'
import { Frontends } from './frontends.ts'
import { Listeners } from './listeners.ts'
import type { ConfigurationStatus, ServiceState, ServiceStatus } from './status.ts'
import { takeStatus } from './take-status.ts'

/** Where nobody says what the program is. */
const UNNAMED = { version: 'unknown', pid: process.pid }

/** The running proxy: its listeners and what serves their connections. */
export class Service {
  readonly #ports: Ports
  readonly #carryOver: CarryOver
  readonly #frontends: Frontends
  readonly #listeners: Listeners
  readonly #statistics: Pick<Statistics, 'snapshot'>
  readonly #startedAt: number
  #generation: Generation
  #configuration: Omit<ConfigurationStatus, 'refused'>
  #state: ServiceState = 'starting'

  constructor(input: BuildInput, ports: Ports) {
    this.#ports = ports
    this.#carryOver = new CarryOver(ports)
    this.#statistics = ports.statistics ?? createStatistics(ports.clock)
    this.#startedAt = ports.clock.wallMs()
    this.#configuration = { file: input.file, generation: 1, loadedAt: this.#startedAt }
    this.#generation = buildGeneration(input, ports, this.#carryOver)
    this.#frontends = new Frontends(
      () => this.#generation.deps,
      () => this.#generation.config,
    )
    this.#listeners = new Listeners({
      clock: ports.clock,
      emit: ports.emit,
      frontendFor: served => this.#frontends.frontendFor(served),
      readInterfaces: this.#carryOver.readInterfaces,
    })
  }

  get addresses(): readonly HostPort[] {
    return this.#listeners.addresses
  }

  /** What it will listen on once the address or interface is there, as `host:port`. */
  get waiting(): readonly string[] {
    return this.#listeners.waiting
  }

  /** How long a stop leaves to open work, by the configuration in use. */
  get shutdownGraceMs(): number {
    return this.#generation.config.shutdownGraceMs
  }

  /** What it is doing at this moment. */
  status(): ServiceStatus {
    const { clock, program = UNNAMED } = this.#ports
    return takeStatus({
      clock,
      program,
      state: this.#state,
      startedAt: this.#startedAt,
      configuration: this.#configuration,
      generation: this.#generation,
      listeners: this.#listeners,
      work: this.tunnels(),
      statistics: this.#statistics.snapshot(),
    })
  }

  /** Open tunnels and requests in progress. */
  tunnels(): readonly WorkInProgress[] {
    return this.#frontends.all.flatMap(({ workInProgress }) => workInProgress)
  }

  /** Lets the password of the configuration be shown once more; undefined without one. */
  unlock(): { readonly account: string; readonly outcome: UnlockOutcome } | undefined {
    const { own } = this.#generation.accounts
    return own && { account: own.authenticator.account, outcome: own.gate.unlock() }
  }

  /** Binds the listeners. @throws ProxyError CONFIG when none could be bound and none is waited for. */
  async start(): Promise<void> {
    const { inheritedSockets = [] } = this.#ports
    await this.#listeners.start(this.#generation.config.listeners, inheritedSockets)
    this.#state = 'serving'
    this.#ports.emit({ type: 'service.started', ...this.#summary() })
  }

  /**
   * Goes on with another configuration: requests that have begun end as they began, new ones go by the new one. Upstreams that stay
   * keep their sessions, and an account that stays keeps the verdict on it.
   * @throws ProxyError CONFIG when a new address cannot be bound: everything is as before then.
   */
  async reload(input: BuildInput): Promise<void> {
    await this.#listeners.change(input.config.listeners)
    const old = this.#generation
    this.#generation = buildGeneration(input, this.#ports, this.#carryOver)
    this.#configuration = {
      file: input.file,
      generation: this.#configuration.generation + 1,
      loadedAt: this.#ports.clock.wallMs(),
    }
    const { accounts, upstreams } = this.#generation
    old.accounts.forgetClients()
    const { own } = old.accounts
    if (own !== undefined && own !== accounts.own) old.upstreams.forget(own)
    old.upstreams.retireAllBut(new Set(upstreams.configured))
    old.directRoutes.retire()
    this.#ports.emit({ type: 'config.loaded', ...this.#summary() })
  }

  /**
   * Stops accepting and lets work finish, for at most `graceMs`.
   * @returns how many requests and tunnels had to be cut off.
   */
  async drain(signal: string, graceMs: number): Promise<number> {
    const { clock, emit } = this.#ports
    this.#state = 'draining'
    const frontends = this.#frontends.all
    const requests = frontends.reduce((sum, frontend) => sum + frontend.requestsInProgress, 0)
    emit({ type: 'service.draining', signal, requests, graceMs })
    this.#listeners.close()
    let cut = 0
    const grace = clock.setTimer(graceMs, () => (cut = this.destroy()))
    await Promise.all(frontends.map(async frontend => frontend.drain()))
    grace.cancel()
    this.destroy()
    emit({ type: 'service.stopped', aborted: cut })
    return cut
  }

  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number {
    const { directRoutes, upstreams } = this.#generation
    this.#listeners.close()
    const cut = this.#frontends.all.reduce((sum, frontend) => sum + frontend.destroy(), 0)
    upstreams.destroy()
    directRoutes.destroy()
    this.#carryOver.close()
    return cut
  }

  #summary(): { listeners: string[]; upstreams: string[] } {
    return {
      listeners: this.addresses.map(formatHostPort),
      upstreams: this.#generation.upstreams.configured.map(({ label }) => label),
    }
  }
}
