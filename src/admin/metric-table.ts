/** Seconds: connections and answers of a network nearby take milliseconds, an upstream that struggles takes many seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const TUNNEL_BUCKETS = [0.1, 1, 10, 60, 300, 1_800, 7_200, 28_800]

/** What the events count. A label has few values, whatever clients and upstreams send. */
export const COUNTERS = {
  tsntlm_requests_total: {
    help: 'Requests and tunnels that ended',
    labels: ['route', 'method', 'status_class'],
  },
  tsntlm_request_errors_total: {
    help: 'Requests and tunnels that failed, by error code',
    labels: ['code'],
  },
  tsntlm_received_bytes_total: {
    help: 'Bytes from clients, bodies and tunnel data alone, counted when a request or tunnel ends',
    labels: ['route'],
  },
  tsntlm_sent_bytes_total: {
    help: 'Bytes to clients, counted likewise',
    labels: ['route'],
  },
  tsntlm_clients_denied_total: { help: 'Connections that Allow and Deny kept out', labels: [] },
  tsntlm_clients_refused_total: {
    help: 'Connections and requests refused at a limit of tsntlm: MaxClients, MaxClientsPerAddress, MaxWaiting or descriptors',
    labels: ['limit'],
  },
  tsntlm_clients_malformed_total: {
    help: 'Clients that sent no valid request or handshake',
    labels: [],
  },
  tsntlm_sessions_opened_total: { help: 'Connections made to upstreams', labels: ['upstream'] },
  tsntlm_sessions_reused_total: {
    help: 'Requests that got a kept connection to an upstream',
    labels: ['upstream'],
  },
  tsntlm_upstream_failures_total: {
    help: 'What counted against the health of an upstream, by error code',
    labels: ['upstream', 'code'],
  },
  tsntlm_upstream_limited_total: {
    help: 'Answers by which an upstream asked to come again later',
    labels: ['upstream'],
  },
  tsntlm_logons_rejected_total: {
    help: 'Passwords that an upstream rejected: own is the account of the configuration, client one that a client named',
    labels: ['account'],
  },
  tsntlm_config_reloads_total: {
    help: 'Reloads of the configuration, taken over or refused',
    labels: ['result'],
  },
  tsntlm_pac_failures_total: {
    help: 'Pac scripts that could not be loaded and questions they did not answer',
    labels: [],
  },
  tsntlm_log_lines_lost_total: {
    help: 'Log lines that were lost because their reader was too slow or they could not be written',
    labels: [],
  },
  tsntlm_bugs_total: { help: 'Errors that are mistakes in tsntlm', labels: [] },
} as const satisfies Readonly<Record<string, MetricRow>>

/** Measured from events. */
export const HISTOGRAMS = {
  tsntlm_request_duration_seconds: {
    help: 'From the arrival of a request to the end of its answer, without tunnels',
    labels: ['route'],
    buckets: BUCKETS,
  },
  tsntlm_tunnel_duration_seconds: {
    help: 'From the arrival of a request to the end of the tunnel that came of it',
    labels: ['route'],
    buckets: TUNNEL_BUCKETS,
  },
  tsntlm_first_byte_seconds: {
    help: 'From the arrival of a request until the head of its answer went to the client, tunnels among them',
    labels: ['route'],
    buckets: BUCKETS,
  },
  tsntlm_connect_duration_seconds: {
    help: 'Connecting to an upstream',
    labels: ['upstream'],
    buckets: BUCKETS,
  },
  tsntlm_handshake_duration_seconds: {
    help: 'NTLM handshakes that ended with a session that is logged on',
    labels: ['upstream'],
    buckets: BUCKETS,
  },
} as const satisfies Readonly<Record<string, HistogramRow>>

/** Read from the state of the service on each scrape. */
export const GAUGES = {
  tsntlm_build_info: { help: 'Always 1', labels: ['version', 'node'] },
  tsntlm_ready: { help: '1 when /readyz answers 200', labels: [] },
  tsntlm_requests_in_progress: { help: 'Requests that are being answered', labels: [] },
  tsntlm_tunnels_open: { help: 'Tunnels that are open', labels: [] },
  tsntlm_sessions: {
    help: 'Connections to an upstream (idle, spare: made ahead and not used yet, busy, connecting) and requests that wait for one (waiting)',
    labels: ['upstream', 'state'],
  },
  tsntlm_upstream_up: { help: '0 while an upstream is marked down', labels: ['upstream'] },
  tsntlm_guard_state: {
    help: 'The account of the configuration: 1 for the state it is in. No logon is sent while it is rejected or unanswered',
    labels: ['state'],
  },
  tsntlm_listeners: { help: 'Ports that are bound, or waited for', labels: ['state'] },
  tsntlm_config_generation: {
    help: '1 at the start, one more with each reload that was taken over',
    labels: [],
  },
  tsntlm_config_last_reload_successful: {
    help: '0 when the youngest configuration was refused',
    labels: [],
  },
  tsntlm_config_last_reload_success_timestamp_seconds: {
    help: 'Unix time at which the configuration in use was taken over',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricRow>>

interface MetricRow {
  readonly help: string
  readonly labels: readonly string[]
}

interface HistogramRow extends MetricRow {
  readonly buckets: readonly number[]
}
