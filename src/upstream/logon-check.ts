import { type Clock, type HostPort, NEVER_CANCELLED } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import type { Dialer } from '../net/index.ts'
import { UpstreamConnection } from './connection.ts'

/**
 * A harmless request of our own that an upstream answers by itself. Its target is the limited broadcast address unless LogonCheck names
 * another one: no TCP connection to it can be made and no router forwards it (RFC 919 section 7), so the upstream answers immediately,
 * needs no DNS, and contacts no other host. A name that never exists (RFC 6761) was tried first, but a Squid without a working DNS server
 * takes six seconds to report it. The User-Agent explains the request to readers of the upstream's log; some upstreams answer only known
 * ones, so a Header directive takes precedence.
 */
const CHECK_URL = 'http://255.255.255.255/'
const CHECK_AGENT = 'tsntlm logon check'

/** Both fields: old proxies know only the second (reference: curl issue 954). */
export const KEEP_ALIVE: readonly string[] = [
  'Connection',
  'keep-alive',
  'Proxy-Connection',
  'keep-alive',
]

export interface CheckOptions {
  /** Via value for loop detection. */
  readonly via: string
  /** An `http:` URL that the upstream answers quickly, if the default does not work. */
  readonly url?: string | undefined
  readonly userAgent?: string | undefined
}

export function checkRequest({
  via,
  url = CHECK_URL,
  userAgent = CHECK_AGENT,
}: CheckOptions): RequestHead {
  const { host } = new URL(url)
  const headers = ['Host', host, 'User-Agent', userAgent, 'Via', via, ...KEEP_ALIVE]
  return { method: 'GET', target: url, headers }
}

/** A live upstream answers a probe sooner. */
const PROBE_MS = 4_500

export interface ProbeOptions {
  readonly address: HostPort
  readonly dialer: Dialer
  readonly clock: Clock
  readonly handshakeTimeoutMs: number
  readonly check: RequestHead
}

/**
 * Probes an upstream: it has to accept a connection and, if `answersChecks`, answer HTTP on it with any status. No credentials are sent. A
 * connection alone proves little: the kernel accepts it for a proxy that hangs.
 * @throws ProxyError DIAL_*, UPSTREAM_*.
 */
export async function probe(
  { address, check, clock, dialer, handshakeTimeoutMs }: ProbeOptions,
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
    await connection.send(check, undefined, {
      timeoutMs: Math.min(PROBE_MS, handshakeTimeoutMs),
      signal: NEVER_CANCELLED,
    })
  } finally {
    connection.destroy()
  }
}
