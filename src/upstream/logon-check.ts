import { type Clock, type HostPort, NEVER_CANCELLED } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import type { Dialer } from '../net/index.ts'
import { UpstreamConnection } from './connection.ts'

/**
 * A harmless request of our own, for an upstream to answer by itself. Its target is the limited broadcast address: no
 * TCP connection to it can be made and no router forwards it (RFC 919 section 7), so the upstream answers at once, needs
 * no DNS for it, and nobody else is reached. A name that never exists (RFC 6761) was tried first: a Squid without a
 * working DNS server takes six seconds to say so. The User-Agent tells the reader of the upstream's log what it is for.
 */
const CHECK_HOST = '255.255.255.255'
const CHECK_AGENT = 'tsntlm logon check'

/** The longest an upstream may think about it, also when it has a password to verify. */
export const LOGON_CHECK_MS = 6_000

/** Both words: old proxies know only the second (reference: curl issue 954). */
export const KEEP_ALIVE: readonly string[] = [
  'Connection',
  'keep-alive',
  'Proxy-Connection',
  'keep-alive',
]

export function checkRequest(via: string): RequestHead {
  const headers = ['Host', CHECK_HOST, 'User-Agent', CHECK_AGENT, 'Via', via, ...KEEP_ALIVE]
  return { method: 'GET', target: `http://${CHECK_HOST}/`, headers }
}

export interface ProbeOptions {
  readonly address: HostPort
  readonly dialer: Dialer
  readonly clock: Clock
  readonly via: string
}

/**
 * Whether an upstream is alive: it takes a connection and, unless it is known not to, answers HTTP on it, whatever the
 * answer is. No credentials are shown. A connection alone proves little: the kernel accepts it for a proxy that hangs.
 * @throws ProxyError DIAL_*, UPSTREAM_*.
 */
export async function probe(
  { address, clock, dialer, via }: ProbeOptions,
  answersChecks: boolean,
): Promise<void> {
  const connection = new UpstreamConnection(
    await dialer.dial(address, { signal: NEVER_CANCELLED }),
    clock,
  )
  if (!answersChecks) {
    connection.destroy()
    return
  }
  try {
    await connection.send(checkRequest(via), undefined, {
      timeoutMs: LOGON_CHECK_MS,
      signal: NEVER_CANCELLED,
    })
  } finally {
    connection.destroy()
  }
}
