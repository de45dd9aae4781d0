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

/** What the connections of listeners are handed to; each is made once, and serves by the configuration as it is at the time. */
export class Frontends {
  readonly http: HttpFrontend
  readonly #current: CurrentDependencies
  readonly #currentConfig: () => Config
  readonly #clients = new ClientCounts()
  readonly #others = new Map<string, Frontend>()

  constructor(current: CurrentDependencies, currentConfig: () => Config) {
    this.#current = current
    this.#currentConfig = currentConfig
    this.http = new HttpFrontend(current, this.#clients)
  }

  get all(): readonly Frontend[] {
    return [this.http, ...this.#others.values()]
  }

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

/** Without accounts everybody may use the SOCKS5 ports. User names do not differ by case, as with cntlm. */
function socksUsers({
  socksUsers: users,
}: Config): ReadonlyMap<string, Secret<string>> | undefined {
  if (users.length === 0) return undefined
  return new Map(users.map(({ user, password }) => [user.toLowerCase(), password]))
}
