import type { Config } from '../config/index.ts'
import type { HostPort } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import type { TrialOptions } from '../upstream/index.ts'
import type { Ports } from './check.ts'

/** The longest that a web server's answer is waited for. */
const ANSWER_MS = 30_000

export function trialOf(
  address: HostPort,
  { handshakeTimeoutMs }: Pick<Config, 'handshakeTimeoutMs'>,
  request: RequestHead,
  { clock, dialer }: Ports,
): TrialOptions {
  return { address, clock, dialer, request, handshakeTimeoutMs, answerTimeoutMs: ANSWER_MS }
}
