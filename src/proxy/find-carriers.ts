import type { CancelSignal, HostPort } from '../core/index.ts'
import { chooseRoute, type Route, routeByPac } from '../policy/index.ts'
import type { Carrier, DirectPermission, Identity } from '../upstream/index.ts'
import type { FindProxy, ProxyDependencies } from './dependencies.ts'
import { directPermission } from './direct-permission.ts'

export interface RouteQuestion {
  readonly target: HostPort
  /** The URL that a PAC script is given. */
  readonly url: string
  /** Decides what a direct connection may reach. */
  readonly clientAddress: string
  readonly signal: CancelSignal
  /** The account for an upstream logon; called only if the route may use an upstream. @throws ProxyError CLIENT_AUTH_*. */
  readonly identity: () => Identity | undefined
  /** The direct route. @throws ProxyError NOT_SUPPORTED. */
  readonly direct: (permission: DirectPermission) => Carrier
}

/** The candidates for sending a call to its target, in the order to try them. @throws ProxyError. */
export async function findCarriers(
  deps: ProxyDependencies,
  question: RouteQuestion,
): Promise<readonly Carrier[]> {
  const { findProxy, noProxy, upstreams } = deps
  const { clientAddress, direct, identity, target } = question
  const chosen = chooseRoute(noProxy, target)
  const route =
    chosen.kind === 'direct' || findProxy === undefined
      ? chosen
      : await askPac(findProxy, deps, question)
  if (route.kind === 'upstreams') return upstreams.carriersFor(identity())
  const goDirectly = (): Carrier => direct(directPermission(deps, clientAddress, target.port))
  if (route.kind === 'direct') return [goDirectly()]
  return route.candidates.map(candidate =>
    candidate.kind === 'direct' ? goDirectly() : upstreams.carrierAt(candidate.address, identity()),
  )
}

async function askPac(
  findProxy: FindProxy,
  { emit, upstreams }: ProxyDependencies,
  { target, url, signal }: RouteQuestion,
): Promise<Route> {
  const answer = await findProxy(url, target.host, signal)
  const byPac = routeByPac(answer, upstreams.configured.length > 0)
  if (byPac.ignored.length > 0) emit({ type: 'pac.ignored', words: byPac.ignored })
  return byPac.route
}
