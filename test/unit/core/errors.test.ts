import t from 'tap'
import {
  type ErrorCode,
  ERRORS,
  isProxyError,
  ProxyError,
  toProxyError,
} from '../../../src/core/index.ts'

/** The error types of RFC 9209 section 2.3 that the table may use. */
const PROXY_STATUS_TYPES = new Set([
  'connection_limit_reached',
  'connection_refused',
  'connection_terminated',
  'connection_timeout',
  'destination_ip_unroutable',
  'destination_unavailable',
  'dns_error',
  'http_protocol_error',
  'http_request_denied',
  'http_request_error',
  'http_response_header_section_size',
  'http_response_timeout',
  'proxy_configuration_error',
  'proxy_internal_error',
  'proxy_internal_response',
  'proxy_loop_detected',
])

const codes = Object.keys(ERRORS) as ErrorCode[]

t.test('every code has a status, a registered Proxy-Status type and a plain sentence', async t => {
  for (const code of codes) {
    const { status, proxyStatus, text } = ERRORS[code]
    t.match(code, /^[A-Z]+(_[A-Z]+)*$/)
    t.ok(status >= 400 && status <= 599, `${code} is answered ${status}`)
    t.ok(PROXY_STATUS_TYPES.has(proxyStatus), `${code} is reported as ${proxyStatus}`)
    t.match(text, /^[A-Z][^\n]*[^.!\n]$/, text)
  }
  t.equal(
    new Set(codes.map(code => ERRORS[code].text)).size,
    codes.length,
    'no text is there twice',
  )
})

t.test('who is to blame shows in the status', async t => {
  for (const code of codes) {
    const { blame, status } = ERRORS[code]
    // A denial is the one answer that an upstream gives on purpose.
    if (code === 'UPSTREAM_DENIED') t.equal(status, 403)
    else if (blame === 'upstream') t.ok([502, 504].includes(status), code)
    if (blame === 'credential') t.equal(status, 502, `${code}: a 407 would make a browser ask`)
    if (code.endsWith('_TIMEOUT') && blame === 'upstream') t.equal(status, 504, code)
  }
  const byClients: Partial<Record<ErrorCode, number>> = {
    BAD_REQUEST: 400,
    BAD_TARGET: 400,
    CLIENT_DENIED: 403,
    CLIENT_TIMEOUT: 408,
    HEADERS_TOO_LARGE: 431,
    LOOP_DETECTED: 508,
  }
  for (const [code, status] of Object.entries(byClients)) {
    t.match(ERRORS[code as ErrorCode], { blame: 'client', status }, code)
  }
})

t.test('an error carries its row, its detail and its cause', async t => {
  const cause = new Error('connect ECONNREFUSED')
  const error = new ProxyError('DIAL_REFUSED', { detail: '10.0.0.41:8080', cause })
  t.match(error, {
    name: 'ProxyError',
    code: 'DIAL_REFUSED',
    status: 502,
    blame: 'upstream',
    detail: '10.0.0.41:8080',
    message: 'The connection was refused: 10.0.0.41:8080',
  })
  t.equal(error.cause, cause)
  const bare = new ProxyError('DRAINING')
  t.equal(bare.message, 'The proxy is stopping')
  t.notOk('cause' in bare)
})

t.test('anything thrown becomes a ProxyError once', async t => {
  const own = new ProxyError('DIAL_DNS')
  t.equal(toProxyError(own), own)
  const mistake = new TypeError('x is not a function')
  const cases: [thrown: unknown, detail: string][] = [
    [mistake, 'x is not a function'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
  ]
  for (const [thrown, detail] of cases) {
    const error = toProxyError(thrown)
    t.match(error, { code: 'BUG', status: 500, blame: 'proxy', detail })
    t.ok(isProxyError(error))
    t.notOk(isProxyError(thrown))
  }
  t.equal(toProxyError(mistake).cause, mistake)
})
