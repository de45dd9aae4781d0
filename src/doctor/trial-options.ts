import type { Config } from '../config/index.ts'
import type { HostPort } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import { checkRequest, type TrialOptions } from '../upstream/index.ts'
import type { Ports } from './check.ts'

/** The longest wait for a web server's answer. */
const ANSWER_MS = 30_000

/** The request that the proxy uses for logons. The doctor needs one even if the configuration disables checks. */
export function doctorRequest({ headers, logonCheck }: Config): RequestHead {
  return checkRequest({
    via: '1.1 tsntlm-doctor',
    url: logonCheck === 'off' ? undefined : logonCheck,
    userAgent: headers.find(({ name }) => name.toLowerCase() === 'user-agent')?.value,
  })
}

export function trialOf(
  address: HostPort,
  { handshakeTimeoutMs }: Pick<Config, 'handshakeTimeoutMs'>,
  request: RequestHead,
  { clock, dialer }: Ports,
): TrialOptions {
  return { address, clock, dialer, request, handshakeTimeoutMs, answerTimeoutMs: ANSWER_MS }
}
