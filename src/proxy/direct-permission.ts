import { isLocalTarget, isLoopback } from '../policy/index.ts'
import type { DirectPermission } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'

const ALL: DirectPermission = { permits: () => true, scope: 'all' }
const NOT_LOCAL: DirectPermission = {
  permits: address => !isLocalTarget(address),
  scope: 'not-local',
}

/**
 * A client on this host may reach what this host may; any other one nothing that is private to the host, and the port of Admin
 * not even with DirectToLocal.
 */
export function directPermission(
  { adminPort, directToLocal }: Pick<ProxyDependencies, 'adminPort' | 'directToLocal'>,
  clientAddress: string,
  targetPort: number,
): DirectPermission {
  if (isLoopback(clientAddress)) return ALL
  return directToLocal && targetPort !== adminPort ? ALL : NOT_LOCAL
}
