import { type Emit, formatHostPort, type HostPort, isUpstreamNews } from '../core/index.ts'
import { createStatistics, type Statistics } from '../observe/index.ts'
import type { WorkInProgress } from '../proxy/index.ts'
import type { GuardGate, UnlockOutcome } from '../upstream/index.ts'
import type { Ports } from './build.ts'
import type { BuildInput } from './build-input.ts'
import { Listeners } from './listeners.ts'
import { Serving } from './serving.ts'
import type { ConfigurationStatus, ServiceState, ServiceStatus } from './status.ts'
import { takeStatus } from './take-status.ts'

/** The default without program information. */
const UNNAMED = { version: 'unknown', pid: process.pid }

/** The running proxy: its listeners and what serves their connections, in this process or in workers. */
export class Service {
  readonly #ports: Ports
  readonly #serving: Serving
  readonly #listeners: Listeners
  readonly #statistics: Pick<Statistics, 'snapshot'>
  readonly #startedAt: number
  #input: BuildInput
  #othersEnd: Promise<void> | undefined
  #configuration: Omit<ConfigurationStatus, 'refused'>
  #state: ServiceState = 'starting'

  constructor(input: BuildInput, ports: Ports) {
    const { workforce } = ports
    this.#ports = ports
    this.#input = input
    this.#serving = new Serving(input, { ...ports, emit: tellingOf(ports) })
    this.#statistics = ports.statistics ?? createStatistics(ports.clock)
    this.#startedAt = ports.clock.wallMs()
    this.#configuration = { file: input.file, generation: 1, loadedAt: this.#startedAt }
    this.#listeners = new Listeners({
      clock: ports.clock,
      emit: ports.emit,
      receptionFor: served => this.#serving.frontends.receptionFor(served),
      startsPaused: workforce !== undefined,
      readInterfaces: this.#serving.carryOver.readInterfaces,
      mayAccept: () => this.#serving.carryOver.descriptors.mayAccept(),
    })
  }

  get addresses(): readonly HostPort[] {
    return this.#listeners.addresses
  }

  /** What it will listen on once the address or interface exists, as `host:port`. */
  get waiting(): readonly string[] {
    return this.#listeners.waiting
  }

  /** How long a shutdown waits for work in progress, by the current configuration. */
  get shutdownGraceMs(): number {
    return this.#serving.generation.config.shutdownGraceMs
  }

  /** Refreshes what `status` and `tunnels` report about the workers, if there are any. */
  async look(wants: 'counts' | 'work'): Promise<void> {
    await this.#ports.workforce?.look(wants)
  }

  /** The current status. That of workers is from the last `look`. */
  status(): ServiceStatus {
    const { clock, program = UNNAMED, workforce } = this.#ports
    const tunnels = this.#serving.work.filter(({ kind }) => kind === 'tunnel').length
    return takeStatus({
      clock,
      program,
      state: this.#state,
      startedAt: this.#startedAt,
      configuration: this.#configuration,
      generation: this.#serving.generation,
      listeners: this.#listeners,
      open: { requests: this.#serving.size - tunnels, tunnels },
      workers: workforce?.snapshots ?? [],
      statistics: this.#statistics.snapshot(),
    })
  }

  /** Open tunnels and requests in progress. */
  tunnels(): readonly WorkInProgress[] {
    const { snapshots = [] } = this.#ports.workforce ?? {}
    return [...this.#serving.work, ...snapshots.flatMap(({ work }) => work)]
  }

  /** The guard of the configured account; undefined without one. */
  get guard(): { readonly account: string; readonly gate: GuardGate } | undefined {
    const { accounts, guard } = this.#serving.generation
    const { own } = accounts
    return own && guard && { account: own.authenticator.account, gate: guard }
  }

  /** Allows the configured password to be sent once more; undefined without one. */
  unlock(): { readonly account: string; readonly outcome: UnlockOutcome } | undefined {
    const { accounts, guard } = this.#serving.generation
    const { own } = accounts
    return own && guard && { account: own.authenticator.account, outcome: guard.unlock() }
  }

  /** Binds the listeners. @throws ProxyError CONFIG when none could be bound and none is waited for. */
  async start(): Promise<void> {
    const { inheritedSockets = [] } = this.#ports
    await this.#listeners.start(this.#serving.generation.config.listeners, inheritedSockets)
    this.#state = 'serving'
    this.#ports.emit({ type: 'service.started', ...this.#summary() })
  }

  /** Starts the workers, if there are to be any, under the user that this process has become. Clients wait for them. */
  async startWorkers(): Promise<void> {
    const { emit, workforce } = this.#ports
    if (workforce === undefined) return
    workforce.configure(this.#input, this.#serving.generation.guard)
    await workforce.start({
      emit,
      gateOf: client => this.#serving.generation.accounts.ofClient(client).gate,
      learn: news => this.#serving.learn(news),
    })
  }

  /**
   * Switches to another configuration, see Serving.change.
   * @returns which addresses could not be bound, and why.
   * @throws ProxyError CONFIG when no address could be bound; everything stays as before then.
   */
  async reload(input: BuildInput): Promise<readonly string[]> {
    const failed = await this.#listeners.change(input.config.listeners)
    this.#serving.change(input)
    this.#input = input
    this.#ports.workforce?.configure(input, this.#serving.generation.guard)
    this.#configuration = {
      file: input.file,
      generation: this.#configuration.generation + 1,
      loadedAt: this.#ports.clock.wallMs(),
    }
    this.#ports.emit({ type: 'config.loaded', ...this.#summary() })
    return failed
  }

  /**
   * Stops accepting and lets work finish, for at most `graceMs`.
   * @returns how many requests and tunnels had to be cut off.
   */
  async drain(signal: string, graceMs: number): Promise<number> {
    const { clock, emit, workforce } = this.#ports
    this.#state = 'draining'
    const requests = this.#serving.size + (workforce?.inProgress ?? 0)
    emit({ type: 'service.draining', signal, requests, graceMs })
    this.#listeners.close()
    let cut = 0
    const grace = clock.setTimer(graceMs, () => (cut = this.#abort()))
    await Promise.all([this.#serving.drain(), workforce?.drain()])
    grace.cancel()
    this.destroy()
    emit({ type: 'service.stopped', aborted: cut })
    return cut
  }

  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  destroy(): number {
    const cut = this.#abort()
    this.#othersEnd ??= this.#ports.workforce?.close()
    return cut
  }

  /** Resolves when the workers that `destroy` has told to end have exited. */
  async whenAlone(): Promise<void> {
    await this.#othersEnd
  }

  #abort(): number {
    this.#listeners.close()
    return this.#serving.destroy() + (this.#ports.workforce?.abort() ?? 0)
  }

  #summary(): { listeners: string[]; upstreams: string[] } {
    return {
      listeners: this.addresses.map(formatHostPort),
      upstreams: this.#serving.generation.upstreams.configured.map(({ label }) => label),
    }
  }
}

/** Passes on to the workers what this process learns about an upstream. */
function tellingOf({ emit, workforce }: Ports): Emit {
  if (workforce === undefined) return emit
  return event => {
    emit(event)
    if (isUpstreamNews(event)) workforce.tell(event)
  }
}
