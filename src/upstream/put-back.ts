import type { Clock } from '../core/index.ts'
import type { Delivered } from './attempt.ts'

/** Limits for reading an unwanted answer to keep its connection usable. */
const UNWANTED_BODY_BYTES = 64 * 1024
const UNWANTED_BODY_MS = 5_000

/** Drops an answer, and returns its session to the pool if the body is short. */
export async function putBack({ exchange, lease }: Delivered, clock: Clock): Promise<void> {
  const isReusable = await exchange.drain(UNWANTED_BODY_BYTES, UNWANTED_BODY_MS, clock)
  if (isReusable) lease.release()
  else lease.discard()
}
