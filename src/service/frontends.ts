import type { Config, Served } from '../config/index.ts'
import type { Secret } from '../core/index.ts'
import {
  ClientCounts,
  type CurrentDependencies,
  fixedTargetProtocol,
  type Frontend,
  HttpFrontend,
  socksProtocol,
  StreamFrontend,
} from '../proxy/index.ts'
import { HandingFrontend, type Reception } from './handing-frontend.ts'
import type { Workforce } from './workforce.ts'

/** The frontends that serve the connections of listeners. Each is created once and uses the current configuration. */
export class Frontends {
  readonly http: HttpFrontend
  readonly #current: CurrentDependencies
  readonly #currentConfig: () => Config
  readonly #clients = new ClientCounts()
  readonly #others = new Map<string, Frontend>()
  readonly #workforce: Workforce | undefined

  /** @param workforce worker processes, if any. */
  constructor(current: CurrentDependencies, currentConfig: () => Config, workforce?: Workforce) {
    this.#workforce = workforce
    this.#current = current
    this.#currentConfig = currentConfig
    this.http = new HttpFrontend(current, this.#clients)
  }

  get all(): readonly Frontend[] {
    return [this.http, ...this.#others.values()]
  }

  /** Takes the connections of the listeners for one kind of port. */
  receptionFor(served: Served): Reception {
    const here = this.frontendFor(served)
    const workforce = this.#workforce
    if (workforce === undefined) return here
    const current = this.#current
    return new HandingFrontend({ served, current, clients: this.#clients, workforce, here })
  }

  /** The frontend that serves them in this process. */
  frontendFor(served: Served): Frontend {
    if (served.kind === 'http') return this.http
    const key = JSON.stringify(served)
    const frontend = this.#others.get(key) ?? this.#make(served)
    this.#others.set(key, frontend)
    return frontend
  }

  #make(served: Exclude<Served, { kind: 'http' }>): Frontend {
    const protocol =
      served.kind === 'tunnel'
        ? fixedTargetProtocol(served.target)
        : socksProtocol(() => socksUsers(this.#currentConfig()))
    return new StreamFrontend(this.#current, protocol, this.#clients)
  }
}

/** Without accounts the SOCKS5 ports are open to everyone. User names are case-insensitive, as with cntlm. */
function socksUsers({
  socksUsers: users,
}: Config): ReadonlyMap<string, Secret<string>> | undefined {
  if (users.length === 0) return undefined
  return new Map(users.map(({ user, password }) => [user.toLowerCase(), password]))
}
