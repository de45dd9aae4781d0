import type { Socket } from 'node:net'
import type { ListenAddress, Served } from '../config/index.ts'
import { type Emit, formatHostPort, type HostPort, ProxyError } from '../core/index.ts'
import { listen, type Listener } from '../net/index.ts'
import type { Frontend } from '../proxy/index.ts'
import { type InheritedSocket, servedOn } from './inherited-sockets.ts'

interface Bound {
  /** undefined for a socket that somebody else bound, and that stays whatever the configuration says. */
  readonly asked: ListenAddress | undefined
  readonly listener: Listener
  frontend: Frontend
}

/** The ports of the proxy. What stays the same over a change of the configuration stays bound. */
export class Listeners {
  readonly #emit: Emit
  readonly #frontendFor: (served: Served) => Frontend
  #bound: Bound[] = []

  constructor(emit: Emit, frontendFor: (served: Served) => Frontend) {
    this.#emit = emit
    this.#frontendFor = frontendFor
  }

  get addresses(): readonly HostPort[] {
    return this.#bound.map(({ listener }) => listener.address)
  }

  /**
   * Takes over inherited sockets and binds the other addresses. Like cntlm it goes on when some of them fail and at least one does
   * not.
   * @throws ProxyError CONFIG when none could be bound.
   */
  async start(
    addresses: readonly ListenAddress[],
    inherited: readonly InheritedSocket[] = [],
  ): Promise<void> {
    for (const socket of inherited) await this.#adopt(socket)
    const taken = new Set(this.addresses.map(formatHostPort))
    for (const asked of addresses.filter(each => !taken.has(formatHostPort(each)))) {
      try {
        this.#bound.push(await this.#bind(asked, asked, asked.serves))
      } catch (error) {
        const address = formatHostPort(asked)
        this.#emit({ type: 'listener.failed', address, reason: bindingProblem(error) })
      }
    }
    if (this.#bound.length === 0)
      throw new ProxyError('CONFIG', { detail: 'no address could be listened on' })
  }

  /**
   * Binds new addresses first; only when all of them could be bound the others change what they serve, and those that are not
   * wanted any more are closed.
   * @throws ProxyError CONFIG when an address cannot be bound: everything is as before then.
   */
  async change(addresses: readonly ListenAddress[]): Promise<void> {
    const old = new Map(this.#bound.map(bound => [addressOf(bound), bound]))
    const fresh: Bound[] = []
    for (const asked of addresses.filter(address => !old.has(formatHostPort(address)))) {
      try {
        fresh.push(await this.#bind(asked, asked, asked.serves))
      } catch (error) {
        for (const { listener } of fresh) listener.close()
        throw new ProxyError('CONFIG', {
          detail: `cannot listen on ${formatHostPort(asked)}: ${bindingProblem(error)}`,
          cause: error,
        })
      }
    }
    for (const asked of addresses) {
      const kept = old.get(formatHostPort(asked))
      if (kept === undefined) continue
      old.delete(formatHostPort(asked))
      kept.frontend = this.#frontendFor(asked.serves)
      fresh.push(kept)
    }
    for (const bound of old.values()) {
      const { asked, listener } = bound
      if (asked === undefined) {
        fresh.push(bound)
        continue
      }
      listener.close()
      this.#emit({ type: 'listener.closed', address: formatHostPort(listener.address) })
    }
    this.#bound = fresh
  }

  close(): void {
    for (const { listener } of this.#bound) listener.close()
  }

  async #adopt(inherited: InheritedSocket): Promise<void> {
    try {
      this.#bound.push(await this.#bind(undefined, inherited, servedOn(inherited)))
    } catch (error) {
      this.#emit({
        type: 'listener.failed',
        address: `inherited socket ${inherited.name} (descriptor ${inherited.fd})`,
        reason: error instanceof Error ? error.message : String(error),
      })
    }
  }

  async #bind(
    asked: ListenAddress | undefined,
    at: HostPort | InheritedSocket,
    serves: Served,
  ): Promise<Bound> {
    const frontend = this.#frontendFor(serves)
    const listener = await listen(at, socket => accept(bound.frontend, socket))
    const bound: Bound = { asked, listener, frontend }
    this.#emit({ type: 'listener.bound', address: formatHostPort(listener.address) })
    return bound
  }
}

function addressOf({ asked, listener }: Bound): string {
  return formatHostPort(asked ?? listener.address)
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
