import type { Clock } from '../core/index.ts'
import type { Delivered } from './attempt.ts'

/** An answer that is not wanted is read for so long, so that its connection can go on. */
const UNWANTED_BODY_BYTES = 64 * 1024
const UNWANTED_BODY_MS = 5_000

/** Gives up an answer, and its session back to the pool where its body is short. */
export async function putBack({ exchange, lease }: Delivered, clock: Clock): Promise<void> {
  const isReusable = await exchange.drain(UNWANTED_BODY_BYTES, UNWANTED_BODY_MS, clock)
  if (isReusable) lease.release()
  else lease.discard()
}
