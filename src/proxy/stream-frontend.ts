import type { Duplex } from 'node:stream'
import {
  Cancellation,
  type CancelSignal,
  formatHostPort,
  type HostPort,
  ProxyError,
  toProxyError,
} from '../core/index.ts'
import type { ClientAddress } from '../net/index.ts'
import { checkAccess } from '../policy/index.ts'
import { type ClientCounts, REFUSED_CLIENT_MS } from './client-counts.ts'
import type { CurrentDependencies } from './dependencies.ts'
import type { ClientStream, Frontend, WorkInProgress } from './frontend.ts'
import { openTunnel, relayTunnel, type TunnelEnds, whenOver } from './open-tunnel.ts'
import { ownConnectRequest } from './outgoing-request.ts'
import { ReadAhead } from './read-ahead.ts'
import type { RequestScope } from './request-scope.ts'
import { Workload } from './workload.ts'

/** The tunnel request of a client on a port that does not speak HTTP. */
export interface Wish {
  readonly target: HostPort
  /** What the client sent ahead for the target. */
  readonly early: Buffer
}

export interface StreamProtocol {
  /** Shown as the method in the access record. */
  readonly name: string
  /** Whether a client must wait for a reply, so that one that half-closes before it is gone. */
  readonly endMeansGone: boolean
  /** @throws ProxyError when the client sends nothing usable; it has been sent a reply then. */
  readWish(stream: Duplex, signal: CancelSignal): Promise<Wish>
  /** Writes the reply of success, before any data of the target. */
  opened(stream: Duplex): void
  /** Writes the reply of failure; the connection is closed afterwards. */
  failed(stream: Duplex, error: ProxyError): void
}

/** How long a client may take to close its side of a connection that is ending. */
const LINGER_MS = 5_000

/** Serves ports on which every connection becomes one tunnel: SOCKS5 and static tunnels. */
export class StreamFrontend implements Frontend {
  readonly #current: CurrentDependencies
  readonly #protocol: StreamProtocol
  readonly #clients: ClientCounts
  readonly #work: Workload
  readonly #streams = new Set<Duplex>()

  constructor(current: CurrentDependencies, protocol: StreamProtocol, clients: ClientCounts) {
    this.#current = current
    this.#clients = clients
    this.#protocol = protocol
    this.#work = new Workload(current)
  }

  get requestsInProgress(): number {
    return this.#work.size
  }

  get workInProgress(): readonly WorkInProgress[] {
    return this.#work.inProgress
  }

  accept(stream: ClientStream, client: ClientAddress): void {
    const label = formatHostPort({ host: client.address, port: client.port })
    const deps = this.#current()
    const { acl, emit } = deps
    stream.on('error', () => undefined)
    const verdict = checkAccess(acl, client.address)
    if (!verdict.allowed) {
      emit({ type: 'client.denied', client: label, rule: verdict.rule })
      stream.destroy()
      return
    }
    const admission = this.#clients.admit(stream, client, deps)
    if (admission.kind === 'dropped') return
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    if (admission.kind === 'refused') void this.#turnAway(stream, label, admission.error)
    else void this.#serve(stream, client.address, label)
  }

  async drain(): Promise<void> {
    await this.#work.quiet()
  }

  destroy(): number {
    const cut = this.#work.abort()
    for (const stream of [...this.#streams]) stream.destroy()
    return cut
  }

  async #serve(stream: Duplex, address: string, label: string): Promise<void> {
    const wish = await this.#readWish(stream, label, this.#current().headerTimeoutMs)
    if (wish === undefined) return
    const description = {
      client: label,
      method: this.#protocol.name,
      target: formatHostPort(wish.target),
    }
    const scope = this.#work.open(description)
    const onClose = (): void => scope.abort()
    stream.once('close', onClose)
    const ahead = this.#protocol.endMeansGone ? this.#readAhead(stream, wish, scope) : undefined
    let ends: TunnelEnds | undefined
    try {
      ends = await this.#connect(stream, address, wish, scope, ahead)
    } catch (thrown) {
      ahead?.take()
      const error = toProxyError(thrown)
      this.#work.noteFailure(scope, error)
      scope.status = error.status
      this.#protocol.failed(stream, error)
      this.#end(stream)
    }
    stream.off('close', onClose)
    if (ends !== undefined) {
      const tunnel = relayTunnel(this.#current(), scope, ends)
      this.#work.addTunnel(tunnel)
      await whenOver(tunnel, scope)
    }
    this.#work.close(scope)
  }

  /** The refusal follows the client's tunnel request: the protocol has none before that. */
  async #turnAway(stream: Duplex, label: string, error: ProxyError): Promise<void> {
    const wish = await this.#readWish(stream, label, REFUSED_CLIENT_MS)
    if (wish === undefined) return
    this.#protocol.failed(stream, error)
    this.#end(stream)
  }

  async #readWish(stream: Duplex, label: string, timeoutMs: number): Promise<Wish | undefined> {
    const { clock, emit } = this.#current()
    const late = new Cancellation()
    const timer = clock.setTimer(timeoutMs, () => late.abort())
    try {
      return await this.#protocol.readWish(stream, late)
    } catch (thrown) {
      const error = toProxyError(thrown)
      if (error.code !== 'CLIENT_ABORTED') {
        const reason = error.detail ?? error.message
        emit({ type: 'client.malformed', client: label, error: error.code, reason })
      }
      this.#end(stream)
      return undefined
    } finally {
      timer.cancel()
    }
  }

  #readAhead(stream: Duplex, { early }: Wish, scope: RequestScope): ReadAhead {
    return new ReadAhead(stream, early, {
      clock: this.#current().clock,
      onGone: () => scope.clientGone(),
    })
  }

  async #connect(
    stream: Duplex,
    clientAddress: string,
    { target, early }: Wish,
    scope: RequestScope,
    ahead: ReadAhead | undefined,
  ): Promise<TunnelEnds> {
    const deps = this.#current()
    const outcome = await openTunnel(deps, scope, {
      target,
      client: stream,
      clientAddress,
      // These clients are never asked for an upstream account.
      identity: () => deps.accounts.own,
      request: ownConnectRequest(formatHostPort(target), deps),
    })
    if (outcome.kind === 'refused') {
      outcome.delivered.lease.discard()
      const { status } = outcome.delivered.exchange.head
      const code = status >= 500 ? 'DIAL_UNREACHABLE' : 'ROUTE_DENIED'
      throw new ProxyError(code, { detail: `the upstream proxy answers ${status}` })
    }
    this.#protocol.opened(stream)
    scope.responded(200)
    return { client: stream, early: ahead?.take() ?? early, upstream: outcome.detached }
  }

  /** Keeps reading for a while, so that a reset does not destroy the last reply. */
  #end(stream: Duplex): void {
    if (stream.destroyed) return
    stream.resume()
    stream.end()
    const timer = this.#current().clock.setTimer(LINGER_MS, () => stream.destroy())
    stream.once('close', () => timer.cancel())
  }
}
