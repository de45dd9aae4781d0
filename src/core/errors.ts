/**
 * The one table of everything that can go wrong (docs/errors.md is checked against it).
 *
 * `status` is the status of the answer to the client, `blame` says whose fault it is (only `upstream` counts against an
 * upstream's health), `proxyStatus` is the RFC 9209 error type of the answer.
 */
export type Blame = 'user' | 'client' | 'proxy' | 'upstream' | 'credential'

interface ErrorRow {
  readonly status: number
  readonly blame: Blame
  readonly proxyStatus: string
  readonly text: string
  /** When a retry may succeed, if the error itself does not say. */
  readonly retryAfterMs?: number
}

/** Shortages clear within seconds; retrying sooner does not help. */
const SHORTAGE_MS = 5_000

export const ERRORS = {
  BAD_REQUEST: {
    status: 400,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'The request is not valid HTTP',
  },
  BAD_TARGET: {
    status: 400,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'The request names no usable target',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'The request header is too large',
  },
  CLIENT_DENIED: {
    status: 403,
    blame: 'client',
    proxyStatus: 'http_request_denied',
    text: 'This address may not use the proxy',
  },
  CLIENT_AUTH_REQUIRED: {
    status: 407,
    blame: 'client',
    proxyStatus: 'http_request_denied',
    text: 'Log on to this proxy with an account for the upstream proxy',
  },
  CLIENT_AUTH_REJECTED: {
    status: 407,
    blame: 'client',
    proxyStatus: 'http_request_denied',
    text: 'The upstream proxy rejected the account of the client',
  },
  CLIENT_ABORTED: {
    status: 499,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'The client went away',
  },
  CLIENT_TIMEOUT: {
    status: 408,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'The request did not arrive in time',
  },
  LOOP_DETECTED: {
    status: 508,
    blame: 'client',
    proxyStatus: 'proxy_loop_detected',
    text: 'The request came back to this proxy',
  },
  NOT_SUPPORTED: {
    status: 501,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'This proxy does not support what the request asks for',
  },
  EXPECTATION_FAILED: {
    status: 417,
    blame: 'client',
    proxyStatus: 'http_request_error',
    text: 'This proxy cannot meet the expectation of the request',
  },
  CLIENT_LIMIT: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'proxy_internal_response',
    text: 'The proxy has reached its limit of clients',
    retryAfterMs: SHORTAGE_MS,
  },
  NO_UPSTREAM: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'destination_unavailable',
    text: 'No upstream proxy is configured for this target',
  },
  ROUTE_DENIED: {
    status: 403,
    blame: 'proxy',
    proxyStatus: 'http_request_denied',
    text: 'This target may not be reached through the proxy',
  },
  DIAL_REFUSED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'connection_refused',
    text: 'The connection was refused',
  },
  DIAL_TIMEOUT: {
    status: 504,
    blame: 'upstream',
    proxyStatus: 'connection_timeout',
    text: 'No connection was made in time',
  },
  DIAL_UNREACHABLE: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'destination_ip_unroutable',
    text: 'The address cannot be reached',
  },
  DIAL_DNS: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'dns_error',
    text: 'The name could not be resolved',
  },
  UPSTREAM_CLOSED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'connection_terminated',
    text: 'The connection was closed before an answer',
  },
  UPSTREAM_PROTOCOL: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'http_protocol_error',
    text: 'The answer is not valid HTTP',
  },
  UPSTREAM_HEADER_LIMIT: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'http_response_header_section_size',
    text: 'The header of the answer is too large',
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    blame: 'upstream',
    proxyStatus: 'http_response_timeout',
    text: 'No answer came in time',
  },
  UPSTREAM_SILENT: {
    status: 504,
    blame: 'upstream',
    proxyStatus: 'connection_timeout',
    text: 'The upstream proxy answers neither the request nor a probe',
  },
  AUTH_NOT_OFFERED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'proxy_configuration_error',
    text: 'The upstream proxy does not offer NTLM',
  },
  AUTH_CHALLENGE_MALFORMED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'http_protocol_error',
    text: 'The NTLM challenge of the upstream proxy is malformed',
  },
  AUTH_STATE_LOST: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'http_protocol_error',
    text: 'The upstream proxy forgot the NTLM handshake',
  },
  AUTH_UNSUPPORTED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'proxy_configuration_error',
    text: 'The upstream proxy and the configuration have no logon scheme in common',
  },
  AUTH_NO_ACCOUNT: {
    status: 502,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'No account is configured for the upstream proxy',
  },
  AUTH_REJECTED: {
    status: 502,
    blame: 'credential',
    proxyStatus: 'proxy_configuration_error',
    text: 'The upstream proxy rejected the credential',
  },
  AUTH_LOCKED_OUT: {
    status: 502,
    blame: 'credential',
    proxyStatus: 'proxy_configuration_error',
    text: 'The password is held back, to keep the account from being locked',
  },
  AUTH_UNANSWERED: {
    status: 504,
    blame: 'upstream',
    proxyStatus: 'http_response_timeout',
    text: 'The upstream proxy does not say whether it accepts the logon',
  },
  AUTH_OUT_OF_ORDER: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'proxy_internal_error',
    text: 'The upstream proxy refuses every logon, although another one accepts the account',
  },
  UPSTREAM_DENIED: {
    status: 403,
    blame: 'upstream',
    proxyStatus: 'http_request_denied',
    text: 'The upstream proxy does not allow the account to reach this target',
  },
  NTLM_MALFORMED: {
    status: 502,
    blame: 'upstream',
    proxyStatus: 'http_protocol_error',
    text: 'An NTLM message is malformed',
  },
  POOL_TIMEOUT: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'connection_limit_reached',
    text: 'No upstream session became free in time',
    retryAfterMs: SHORTAGE_MS,
  },
  QUEUE_FULL: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'connection_limit_reached',
    text: 'Too many requests wait for an upstream session',
    retryAfterMs: SHORTAGE_MS,
  },
  NO_DESCRIPTORS: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'connection_limit_reached',
    text: 'The proxy has no file descriptor left for another connection',
    retryAfterMs: SHORTAGE_MS,
  },
  DRAINING: {
    status: 503,
    blame: 'proxy',
    proxyStatus: 'destination_unavailable',
    text: 'The proxy is stopping',
    retryAfterMs: SHORTAGE_MS,
  },
  PAC_UNAVAILABLE: {
    status: 502,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'The Pac script cannot be read',
  },
  PAC_SYNTAX: {
    status: 502,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'The Pac script cannot be used',
  },
  PAC_TIMEOUT: {
    status: 502,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'The Pac script takes too long',
  },
  PAC_MEMORY: {
    status: 502,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'The Pac script needs too much memory',
  },
  CONFIG: {
    status: 500,
    blame: 'user',
    proxyStatus: 'proxy_configuration_error',
    text: 'The configuration cannot be used',
  },
  BUG: {
    status: 500,
    blame: 'proxy',
    proxyStatus: 'proxy_internal_error',
    text: 'The proxy made a mistake of its own',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptions {
  /** What happened here, for a person: names and addresses, never secrets, tokens or header values. */
  readonly detail?: string
  readonly cause?: unknown
  /** When it may be worth another try, in milliseconds from then on; left out where nobody knows. */
  readonly retryAfterMs?: number | undefined
}

/** Every failure that crosses a room. Match on `code`, never on the message. */
export class ProxyError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const { detail, cause } = options
    const { text, retryAfterMs }: ErrorRow = ERRORS[code]
    super(detail === undefined ? text : `${text}: ${detail}`, cause === undefined ? {} : { cause })
    this.name = 'ProxyError'
    this.code = code
    this.detail = detail
    this.retryAfterMs = options.retryAfterMs ?? retryAfterMs
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get blame(): Blame {
    return ERRORS[this.code].blame
  }
}

export function isProxyError(value: unknown): value is ProxyError {
  return value instanceof ProxyError
}

/** Anything thrown, as a ProxyError: what is not one already is a BUG. */
export function toProxyError(value: unknown): ProxyError {
  if (isProxyError(value)) return value
  const detail = value instanceof Error ? value.message : String(value)
  return new ProxyError('BUG', { detail, cause: value })
}
