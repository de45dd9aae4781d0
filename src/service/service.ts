import type { Socket } from 'node:net'
import type { Config, Served } from '../config/index.ts'
import { formatHostPort, type HostPort, ProxyError } from '../core/index.ts'
import { listen, type Listener } from '../net/index.ts'
import type { Frontend } from '../proxy/index.ts'
import { adoptSockets } from './adopt-sockets.ts'
import { buildGeneration, type BuildInput, type Generation, type Ports } from './build.ts'

/** The running proxy: its listeners and what serves their connections. */
export class Service {
  readonly #ports: Ports
  readonly #config: Config
  readonly #generation: Generation
  readonly #frontends = new Set<Frontend>()
  #listeners: Listener[] = []

  constructor(input: BuildInput, ports: Ports) {
    this.#ports = ports
    this.#config = input.config
    this.#generation = buildGeneration(input, ports)
  }

  get addresses(): readonly HostPort[] {
    return this.#listeners.map(listener => listener.address)
  }

  /**
   * Takes over inherited sockets and binds the other listeners. Like cntlm it goes on when some of them fail and at least one
   * does not.
   * @throws ProxyError CONFIG when none could be bound.
   */
  async start(): Promise<void> {
    const { emit, inheritedSockets = [] } = this.#ports
    this.#listeners.push(
      ...(await adoptSockets(inheritedSockets, serves => this.#acceptorFor(serves), emit)),
    )
    const taken = new Set(this.addresses.map(formatHostPort))
    for (const address of this.#config.listeners) {
      if (taken.has(formatHostPort(address))) continue
      try {
        const listener = await listen(address, this.#acceptorFor(address.serves))
        this.#listeners.push(listener)
        emit({ type: 'listener.bound', address: formatHostPort(listener.address) })
      } catch (error) {
        emit({
          type: 'listener.failed',
          address: formatHostPort(address),
          reason: bindingProblem(error),
        })
      }
    }
    if (this.#listeners.length === 0)
      throw new ProxyError('CONFIG', { detail: 'no address could be listened on' })
    emit({
      type: 'service.started',
      listeners: this.addresses.map(formatHostPort),
      upstreams: this.#generation.upstreams.map(upstream => upstream.label),
    })
  }

  #acceptorFor(serves: Served): (socket: Socket) => void {
    const frontend = this.#generation.frontendFor(serves)
    this.#frontends.add(frontend)
    return socket => accept(frontend, socket)
  }

  /**
   * Stops accepting and lets work finish, for at most `graceMs`.
   * @returns how many requests and tunnels had to be cut off.
   */
  async drain(signal: string, graceMs: number): Promise<number> {
    const { clock, emit } = this.#ports
    const frontends = [...this.#frontends]
    const requests = frontends.reduce((sum, frontend) => sum + frontend.requestsInProgress, 0)
    emit({ type: 'service.draining', signal, requests, graceMs })
    for (const listener of this.#listeners) listener.close()
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
    for (const listener of this.#listeners) listener.close()
    const cut = [...this.#frontends].reduce((sum, frontend) => sum + frontend.destroy(), 0)
    for (const upstream of upstreams) upstream.destroy()
    directRoutes.destroy()
    return cut
  }
}

function accept(frontend: Frontend, socket: Socket): void {
  const { remoteAddress, remotePort } = socket
  // Gone before it was accepted.
  if (remoteAddress === undefined || remotePort === undefined) socket.destroy()
  else frontend.accept(socket, { address: remoteAddress, port: remotePort })
}

const BINDING_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use; is another proxy (cntlm?) still running',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'ports below 1024 need the right to bind them (root, or CAP_NET_BIND_SERVICE)',
}

function bindingProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = BINDING_PROBLEMS[code] ?? (error instanceof Error ? error.message : String(error))
  return code === '' ? text : `${text} (${code})`
}
