import { type Clock, systemClock } from '../../core/index.ts'
import { HostNames } from './host-names.ts'
import { hostResolver } from './host-resolver.ts'

/** Name resolution as this host does it. */
export function systemNames(clock: Clock): HostNames {
  return new HostNames({ clock, resolve: hostResolver({ clock }) })
}

/** How long commands, and the loading of a configuration, wait for a name. */
const PATIENCE_MS = 5_000

/** All addresses of a name, IPv4 and IPv6, within 5 seconds. @throws ProxyError DIAL_DNS or NO_DESCRIPTORS. */
export async function resolveAll(host: string): Promise<readonly string[]> {
  return systemNames(systemClock).lookUpWithin(host, PATIENCE_MS)
}
