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

const GIVEN = { name: 'cntlm 0.94', subject: 'cntlm, given' }
const DEBIAN = { name: "Debian's cntlm", subject: 'cntlm' }
const BARE = { name: 'bare node', subject: 'bare node' }

/** Peers that cannot be had everywhere have rows all the same: they say then that there is nothing to compare with. */
export const TARGETS: readonly Target[] = [
  ...rates('plain GET, 16 clients', 'get-1kib-16', OWN, 2.5, [GIVEN, DEBIAN]),
  ...rates('plain GET, 16 clients', 'get-1kib-16', OWN, 0.75, [BARE]),
  most('plain GET, 16 clients: CPU us each', 'get-1kib-16', OWN, 'cpu', 40),
  // The limits in microseconds came with 124 and 435 for cntlm 0.94 on the same processor. These ratios of them hold on others.
  share('plain GET, 16 clients: CPU', 'get-1kib-16', OWN, 'cpu', 0.32),
  most('plain GET, one client, delayed ACKs: ms', 'get-delayed-acks', OWN, 'p50', 0.3),
  ...rates('plain GET through Squid', 'squid-get-16', OWN, 6, [GIVEN, DEBIAN]),
  ...rates('CONNECT with handshake, 64 clients', 'connect-64', COLD, 1.2, [GIVEN, DEBIAN]),
  share('CONNECT with handshake, 64 clients: p99', 'connect-64', COLD, 'p99', 1),
  most('CONNECT with handshake, 64 clients: CPU us each', 'connect-64', COLD, 'cpu', 330),
  share('CONNECT with handshake, 64 clients: CPU', 'connect-64', COLD, 'cpu', 0.76),
  ...rates('CONNECT through Squid, 16 clients', 'squid-connect-16', OWN, 1.3, [GIVEN, DEBIAN]),
  ...rates('bulk, one tunnel', 'bulk-1-down', OWN, 1.1, [GIVEN, DEBIAN]),
  ...rates('bulk, 16 tunnels', 'bulk-16-down', OWN, 0.8, [GIVEN, BARE]),
  ...rates('bulk, 16 tunnels, 2 workers', 'bulk-16-down', TWO, 1.1, [GIVEN, BARE]),
  most('5000 idle tunnels: KiB each', 'memory', OWN, 'perTunnel', 20),
  most('tunnel and first echo at 20 ms: round trips', 'far-20', OWN, 'tunnel', 2.1),
  most('the same without sessions made ahead', 'far-20', COLD, 'tunnel', 4.1),
  most('GET at 20 ms after the first: round trips', 'far-20', OWN, 'get', 1.1),
  most('black-holed first upstream: first request ms', 'black-hole', OWN, 'first', 3000),
  most('black-holed first upstream: the next ones ms', 'black-hole', OWN, 'next', 5),
  most('resident, idle: MiB', 'memory', OWN, 'idle', 70),
  most('start to listening: ms', 'start', OWN, 'ms', 250),
]

/** One for each peer. */
function rates(
  text: string,
  figure: string,
  subject: string,
  limit: number,
  peers: readonly { readonly name: string; readonly subject: string }[],
): Target[] {
  return peers.map(peer => ({
    text: `${text}: rate by that of ${peer.name}`,
    figure,
    subject,
    key: 'rate',
    peer: peer.subject,
    bound: 'at least',
    limit,
  }))
}

function most(text: string, figure: string, subject: string, key: string, limit: number): Target {
  return { text, figure, subject, key, bound: 'at most', limit }
}

/** Of what cntlm 0.94 takes. */
function share(text: string, figure: string, subject: string, key: string, limit: number): Target {
  const peer = GIVEN.subject
  return { ...most(`${text} by that of ${GIVEN.name}`, figure, subject, key, limit), peer }
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
