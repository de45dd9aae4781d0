import { isLocalTarget, isLoopback } from '../policy/index.ts'
import type { DirectPermission } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'

const ALL: DirectPermission = { permits: () => true, scope: 'all' }
const NOT_LOCAL: DirectPermission = {
  permits: address => !isLocalTarget(address),
  scope: 'not-local',
}

/**
 * Clients on this host may reach whatever the host may. Others may reach nothing private to the host, unless
 * DirectToLocal is set; even then not the port of Admin.
 */
export function directPermission(
  { adminPort, directToLocal }: Pick<ProxyDependencies, 'adminPort' | 'directToLocal'>,
  clientAddress: string,
  targetPort: number,
): DirectPermission {
  if (isLoopback(clientAddress)) return ALL
  return directToLocal && targetPort !== adminPort ? ALL : NOT_LOCAL
}
