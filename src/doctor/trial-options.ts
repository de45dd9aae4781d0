import type { Config } from '../config/index.ts'
import type { HostPort } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import { checkRequest, type TrialOptions } from '../upstream/index.ts'
import type { Ports } from './check.ts'

/** The longest that a web server's answer is waited for. */
const ANSWER_MS = 30_000

/** What the proxy asks an upstream for to log on. Where the configuration sends no checks the doctor still needs one. */
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
