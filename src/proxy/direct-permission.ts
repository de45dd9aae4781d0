import { isLocalTarget, isLoopback } from '../policy/index.ts'
import type { ProxyDependencies } from './dependencies.ts'

export interface DirectPermission {
  readonly permits: (address: string) => boolean
  /** Connections are shared only among clients of the same permission. */
  readonly scope: string
}

const ALL: DirectPermission = { permits: () => true, scope: 'all' }
const NOT_LOCAL: DirectPermission = {
  permits: address => !isLocalTarget(address),
  scope: 'not-local',
}

/** A client on this host may reach what this host may; any other one nothing that is private to the host. */
export function directPermission(
  { directToLocal }: ProxyDependencies,
  clientAddress: string,
): DirectPermission {
  return directToLocal || isLoopback(clientAddress) ? ALL : NOT_LOCAL
}
