import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultName } from './faults.ts'
import { cutOf, type Plan } from './plan.ts'
import type { Wire } from './wire.ts'

/** How the bytes of a body go out. */
type Manner = 'whole' | 'stall' | 'drip' | 'tiny' | 'reset' | 'end'

const MANNERS: Readonly<Partial<Record<FaultName, readonly ['client' | 'origin', Manner]>>> = {
  'origin-resets-mid-body': ['origin', 'reset'],
  'origin-ends-mid-body': ['origin', 'end'],
  'origin-stalls': ['origin', 'stall'],
  'origin-drips': ['origin', 'drip'],
  'origin-sends-tiny-segments': ['origin', 'tiny'],
  'client-resets-mid-upload': ['client', 'reset'],
  'client-ends-mid-upload': ['client', 'end'],
  'client-drips': ['client', 'drip'],
  'client-sends-tiny-segments': ['client', 'tiny'],
}

const STALL_MS = 300
const DRIPS = 12
const DRIP_MS = 15

export interface Sending {
  /** Bytes that were handed to the connection. */
  readonly sent: number
  /** `lost`: the connection was gone. */
  readonly outcome: 'whole' | 'reset' | 'end' | 'lost'
}

/** Sends a body as the fault of the transfer wants it of this side. */
export async function send(
  wire: Wire,
  bytes: Buffer,
  plan: Plan,
  side: 'client' | 'origin',
): Promise<Sending> {
  const manner = mannerOf(plan, side)
  if (manner === 'reset' || manner === 'end') {
    const sent = cutOf(plan, bytes.length)
    const taken = await wire.write(bytes.subarray(0, sent))
    // Half of them give the bytes time to be passed on before the end.
    if (plan.id % 2 === 0) await sleep(STALL_MS / 10)
    if (manner === 'reset') wire.reset()
    else wire.end()
    return { sent, outcome: taken || manner === 'reset' ? manner : 'lost' }
  }
  const size =
    manner === 'tiny'
      ? 1 + (plan.id % 5)
      : manner === 'drip'
        ? Math.ceil(bytes.length / DRIPS)
        : manner === 'stall'
          ? cutOf(plan, bytes.length)
          : 256 * 1024
  for (let at = 0; at < bytes.length; at += size) {
    if (at > 0 && manner === 'drip') await sleep(DRIP_MS)
    if (at === size && manner === 'stall') await sleep(STALL_MS)
    if (!(await wire.write(bytes.subarray(at, at + size)))) return { sent: at, outcome: 'lost' }
  }
  return { sent: bytes.length, outcome: 'whole' }
}

function mannerOf({ fault }: Plan, side: 'client' | 'origin'): Manner {
  const [whose, manner] = (fault === undefined ? undefined : MANNERS[fault]) ?? []
  return whose === side ? (manner ?? 'whole') : 'whole'
}
