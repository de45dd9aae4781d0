import type { Carrier } from './carrier.ts'
import { carry } from './carry.ts'
import type { TunnelsAhead } from './tunnels-ahead.ts'
import type { UpstreamAccess } from './upstream-access.ts'
import type { Warmer } from './warmer.ts'

/** What is prepared before a request needs it. */
export interface Preparations {
  readonly warmer: Warmer | undefined
  readonly tunnels: TunnelsAhead | undefined
}

/** An upstream under one identity, as a candidate for calls. */
export function carrierTo(access: UpstreamAccess, { warmer, tunnels }: Preparations): Carrier {
  const { upstream, pool } = access
  return {
    way: 'upstream',
    label: upstream.label,
    pool,
    isAvailable: () => upstream.isAvailable(),
    backInMs: () => upstream.backInMs(),
    takeTunnel: request => tunnels?.take(request),
    carry: attempt => carry(access, attempt),
    failed: (error, evidence) => upstream.failed(error, evidence),
    succeeded: (attempt, exchange) => {
      if (exchange.framing.kind === 'tunnel') {
        warmer?.opened(attempt.lease)
        tunnels?.opened(attempt.request)
      }
      upstream.answered(attempt.request, exchange.head)
      upstream.succeeded(!attempt.lease.wasReady)
    },
  }
}
