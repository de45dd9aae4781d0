import { type ProxyError, Roster } from '../core/index.ts'
import type { Tunnel } from '../net/index.ts'
import type { CurrentDependencies } from './dependencies.ts'
import type { WorkInProgress } from './frontend.ts'
import { RequestScope } from './request-scope.ts'

export interface WorkDescription {
  /** The client's address and port. */
  readonly client: string
  readonly method: string
  readonly target: string
}

/** The requests and tunnels of one frontend that are in progress. */
export class Workload {
  readonly #current: CurrentDependencies
  readonly #scopes = new Roster<RequestScope>()
  readonly #tunnels = new Roster<Tunnel>()
  #onQuiet: (() => void) | undefined

  constructor(current: CurrentDependencies) {
    this.#current = current
  }

  get size(): number {
    return this.#scopes.size
  }

  /** Oldest first. */
  get inProgress(): readonly WorkInProgress[] {
    return this.#scopes
      .list()
      .map(scope => scope.progress)
      .sort((one, other) => one.startedAt - other.startedAt)
  }

  open({ client, method, target }: WorkDescription): RequestScope {
    const { clock, emit, nextRequestId } = this.#current()
    const scope = new RequestScope({ id: nextRequestId(), client, method, target, clock, emit })
    this.#scopes.add(scope)
    return scope
  }

  close(scope: RequestScope): void {
    scope.finish()
    this.#scopes.remove(scope)
    if (this.#scopes.size === 0) this.#onQuiet?.()
  }

  addTunnel(tunnel: Tunnel): void {
    this.#tunnels.add(tunnel)
    void tunnel.done.then(() => this.#tunnels.remove(tunnel))
  }

  noteFailure(scope: RequestScope, error: ProxyError): void {
    scope.fail(error)
    const { emit, maxWaiting } = this.#current()
    const { client } = scope
    if (error.code === 'BUG') emit({ type: 'bug', error: error.cause ?? error })
    if (error.code === 'QUEUE_FULL')
      emit({ type: 'client.refused', client, limit: 'MaxWaiting', most: maxWaiting })
    if (error.code === 'NO_DESCRIPTORS')
      emit({ type: 'client.refused', client, limit: 'descriptors', most: undefined })
  }

  /** Resolves when no request and no tunnel is left. */
  async quiet(): Promise<void> {
    if (this.#scopes.size === 0) return
    await new Promise<void>(resolve => (this.#onQuiet = resolve))
  }

  /** Ends everything now. @returns how many requests and tunnels were cut off. */
  abort(): number {
    const cut = this.#scopes.size
    for (const tunnel of this.#tunnels.list()) tunnel.destroy('shutdown')
    for (const scope of this.#scopes.list()) scope.abort('DRAINING')
    return cut
  }
}
