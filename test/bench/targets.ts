import { type Report, valueOf } from './results.ts'

/** What this project wants to reach: a value of one of its subjects, or its ratio to a peer's in the same run. */
export interface Target {
  readonly text: string
  readonly figure: string
  readonly subject: string
  readonly key: string
  /** Divided by this subject's value. */
  readonly peer?: string
  readonly bound: 'at least' | 'at most'
  readonly limit: number
}

const OWN = 'tsntlm'
const COLD = 'tsntlm, cold'
const TWO = 'tsntlm, 2 workers'

/** Peers that cannot be had everywhere have rows all the same: they say then that there is nothing to compare with. */
export const TARGETS: readonly Target[] = [
  vs(
    'plain GET, 16 clients: rate by that of cntlm 0.94',
    'get-1kib-16',
    OWN,
    'rate',
    'cntlm, given',
    2.5,
  ),
  vs(
    "plain GET, 16 clients: rate by that of Debian's cntlm",
    'get-1kib-16',
    OWN,
    'rate',
    'cntlm',
    2.5,
  ),
  vs(
    'plain GET, 16 clients: rate by that of bare node',
    'get-1kib-16',
    OWN,
    'rate',
    'bare node',
    0.75,
  ),
  most('plain GET, 16 clients: CPU us each', 'get-1kib-16', OWN, 'cpu', 40),
  most('plain GET, one client, delayed ACKs: ms', 'get-delayed-acks', OWN, 'p50', 0.3),
  vs(
    "plain GET through Squid: rate by that of Debian's cntlm",
    'squid-get-16',
    OWN,
    'rate',
    'cntlm',
    6,
  ),
  vs(
    'CONNECT with handshake, 64 clients: rate by that of cntlm 0.94',
    'connect-64',
    COLD,
    'rate',
    'cntlm, given',
    1.2,
  ),
  vs(
    "CONNECT with handshake, 64 clients: rate by that of Debian's cntlm",
    'connect-64',
    COLD,
    'rate',
    'cntlm',
    1.2,
  ),
  most('CONNECT with handshake, 64 clients: CPU us each', 'connect-64', COLD, 'cpu', 330),
  vs(
    "CONNECT through Squid, 16 clients: rate by that of Debian's cntlm",
    'squid-connect-16',
    OWN,
    'rate',
    'cntlm',
    1.3,
  ),
  vs("bulk, one tunnel: rate by that of Debian's cntlm", 'bulk-1-down', OWN, 'rate', 'cntlm', 1.1),
  vs(
    'bulk, 16 tunnels: rate by that of cntlm 0.94',
    'bulk-16-down',
    OWN,
    'rate',
    'cntlm, given',
    0.8,
  ),
  vs('bulk, 16 tunnels: rate by that of bare node', 'bulk-16-down', OWN, 'rate', 'bare node', 0.8),
  vs(
    'bulk, 16 tunnels, 2 workers: rate by that of cntlm 0.94',
    'bulk-16-down',
    TWO,
    'rate',
    'cntlm, given',
    1.1,
  ),
  vs(
    'bulk, 16 tunnels, 2 workers: rate by that of bare node',
    'bulk-16-down',
    TWO,
    'rate',
    'bare node',
    1.1,
  ),
  most('5000 idle tunnels: KiB each', 'memory', OWN, 'perTunnel', 20),
  most('tunnel and first echo at 20 ms: round trips', 'far-20', OWN, 'tunnel', 2.1),
  most('the same without sessions made ahead', 'far-20', COLD, 'tunnel', 4.1),
  most('GET at 20 ms after the first: round trips', 'far-20', OWN, 'get', 1.1),
  most('black-holed first upstream: first request ms', 'black-hole', OWN, 'first', 3000),
  most('black-holed first upstream: the next ones ms', 'black-hole', OWN, 'next', 5),
  most('resident, idle: MiB', 'memory', OWN, 'idle', 70),
  most('start to listening: ms', 'start', OWN, 'ms', 250),
]

function vs(
  text: string,
  figure: string,
  subject: string,
  key: string,
  peer: string,
  limit: number,
): Target {
  return { text, figure, subject, key, peer, bound: 'at least', limit }
}

function most(text: string, figure: string, subject: string, key: string, limit: number): Target {
  return { text, figure, subject, key, bound: 'at most', limit }
}

export interface Judged {
  readonly target: Target
  /** undefined when one side was not measured. */
  readonly value: number | undefined
  readonly isMet: boolean | undefined
}

export function judge(report: Report, target: Target): Judged {
  const { bound, figure, key, limit, peer, subject } = target
  const own = valueOf(report, figure, subject, key)?.median
  const other = peer === undefined ? 1 : valueOf(report, figure, peer, key)?.median
  if (own === undefined || other === undefined || other === 0)
    return { target, value: undefined, isMet: undefined }
  const value = own / other
  return { target, value, isMet: bound === 'at least' ? value >= limit : value <= limit }
}
