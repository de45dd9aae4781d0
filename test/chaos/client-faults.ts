import { setTimeout as sleep } from 'node:timers/promises'
import { encode } from './messages.ts'
import { cutOf, isStreamKind, type Plan, type Seen } from './plan.ts'
import { Comparison, contentOf } from './random.ts'
import { send } from './send.ts'
import type { Wire } from './wire.ts'

/** What a client writes and reads, with what the plan says is its fault. Each writes into `seen` what came of it. */

const STALL_MS = 300

/** Writes the bytes that ask for something. @returns false when the client left in the middle of them. */
export async function ask(wire: Wire, plan: Plan, bytes: Buffer, seen: Seen): Promise<boolean> {
  if (plan.fault !== 'client-resets-mid-head') {
    await wire.write(bytes)
    return true
  }
  await wire.write(bytes.subarray(0, cutOf(plan, bytes.length)))
  seen.left = true
  wire.reset()
  return false
}

export async function upload(wire: Wire, plan: Plan, seen: Seen): Promise<void> {
  if (plan.upload === 0) return
  const framing = isStreamKind(plan.kind) ? 'length' : plan.uploadFraming
  const { bytes } = encode(contentOf(plan.id, 'up', plan.upload), framing)
  const { outcome } = await send(wire, bytes, plan, 'client')
  seen.left ||= outcome === 'reset' || outcome === 'end'
}

/** Takes the content of an answer or of a stream. */
export function download(wire: Wire, plan: Plan, seen: Seen): (piece: Buffer) => Promise<void> {
  const comparison = new Comparison(contentOf(plan.id, 'down', plan.download))
  let isFirst = true
  return async piece => {
    comparison.add(piece)
    seen.received = comparison.received
    seen.isEqual = comparison.isEqual
    if (plan.fault === 'client-stalls' && isFirst) await sleep(STALL_MS)
    isFirst = false
    if (plan.fault === 'client-leaves-mid-download') {
      seen.left = true
      wire.reset()
    }
  }
}
