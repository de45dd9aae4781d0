import type { StatusView, UpstreamView } from '../../../src/admin/page/status-view.ts'

export function upstream(label: string, changes: Partial<UpstreamView> = {}): UpstreamView {
  return {
    label,
    namedBy: 'configuration',
    health: 'available',
    downUntil: undefined,
    lastFailure: undefined,
    sessions: { idle: 0, spare: 0, busy: 0, connecting: 0, waiting: 0 },
    requests: 0,
    failures: 0,
    handshakes: { count: 0, lastMs: undefined, averageMs: undefined },
    ...changes,
  }
}

/** A service that serves, with two upstreams and an account that was accepted. */
export function status(changes: Partial<StatusView> = {}): StatusView {
  return {
    version: '1.2.3',
    pid: 42,
    startedAt: 1_000,
    uptimeMs: 60_000,
    state: 'serving',
    configuration: { file: '/etc/tsntlm.conf', generation: 1, loadedAt: 1_000, refused: undefined },
    listeners: {
      bound: [{ address: '127.0.0.1:3128', serves: { kind: 'http' } }],
      waiting: [],
    },
    upstreams: [upstream('a:8080'), upstream('b:8080')],
    account: {
      name: 'CORP\\alice',
      state: 'proven',
      until: undefined,
      text: 'the password was accepted',
    },
    requestsInProgress: 0,
    tunnelsOpen: 0,
    totals: {
      requests: 0,
      tunnels: 0,
      bytesIn: 0,
      bytesOut: 0,
      failures: {},
      clientsDenied: 0,
      clientsMalformed: 0,
      logLinesLost: 0,
    },
    lastErrors: [],
    ...changes,
  }
}
