import type { ListenAddress } from '../config/index.ts'
import { formatHostPort } from '../core/index.ts'
import { findInterfaces, type Interface } from '../net/index.ts'
import type { BindingProblem } from './binding-problem.ts'

/** One address to bind. */
export interface Place extends ListenAddress {
  /** `host:port`, by which it is identified. */
  readonly key: string
  /** An address of an interface, which may come and go; any other is in the configuration itself. */
  readonly isFollowed: boolean
}

export interface ListeningPlan {
  readonly places: readonly Place[]
  /** Interfaces without an address, by their name in the configuration. */
  readonly missing: ReadonlyMap<string, BindingProblem>
}

/** The addresses of a configuration for the given interfaces. Of equal addresses the first counts. */
export function planListening(
  asked: readonly ListenAddress[],
  interfaces: readonly Interface[],
  isInterface: (host: string) => boolean,
): ListeningPlan {
  const places: Place[] = []
  const missing = new Map<string, BindingProblem>()
  for (const listen of asked) {
    if (!isInterface(listen.host)) {
      places.push({ ...listen, key: formatHostPort(listen), isFollowed: false })
      continue
    }
    const found = findInterfaces(listen.host, interfaces)
    if (found.missing !== undefined)
      missing.set(formatHostPort(listen), { reason: found.missing, isWaiting: true })
    for (const host of found.addresses) {
      const key = formatHostPort({ host, port: listen.port })
      places.push({ ...listen, host, key, isFollowed: true })
    }
  }
  return { places: firstOfEach(places), missing }
}

/** Addresses with port 0, for which the system chooses the port, are never equal. */
function firstOfEach(places: readonly Place[]): Place[] {
  return places.filter(
    ({ key, port }, index) => port === 0 || places.findIndex(other => other.key === key) === index,
  )
}
