import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../core/index.ts'
import {
  type AbsoluteForm,
  appendVia,
  contentLength,
  endToEndRequestHeaders,
  endToEndTrailers,
  FieldNames,
  getHeader,
  hasHeader,
  hasListToken,
  listTokens,
  type RequestHead,
  replaceHeader,
  setHeader,
  viaNames,
  withoutHeaders,
} from '../http1/index.ts'
import { KEEP_ALIVE, type RequestBody, StreamBody } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { forwardsLeft } from './max-forwards.ts'

/** A CONNECT has no content (RFC 9110 section 9.3.6): what follows it belongs to the tunnel. */
const FRAMING = new FieldNames(['content-length', 'transfer-encoding', 'trailer'])

const LOGON = new FieldNames(['authorization'])

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'CONNECT'])

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

/** @throws ProxyError LOOP_DETECTED when this proxy has seen the request before (RFC 9110 section 7.6.3). */
export function refuseLoop(request: IncomingMessage, { pseudonym }: ProxyDependencies): void {
  if (!viaNames(request.rawHeaders, pseudonym)) return
  throw new ProxyError('LOOP_DETECTED', {
    detail: 'a Proxy or a NoProxy route leads back here; check the addresses in the configuration',
  })
}

/** The head for a parent proxy: absolute form, this proxy in Via, Header directives applied. */
export function requestForUpstream(
  request: IncomingMessage,
  target: AbsoluteForm,
  deps: ProxyDependencies,
): RequestHead {
  const headers = forParent(commonHeaders(request, target.hostField, deps), deps)
  return { method: request.method ?? 'GET', target: request.url ?? '', headers }
}

/**
 * The head for an origin without a parent: origin form. Header directives are for the parent only, as with cntlm.
 * @param withoutLogon leaves the client's Authorization out.
 */
export function requestForOrigin(
  request: IncomingMessage,
  target: AbsoluteForm,
  deps: ProxyDependencies,
  withoutLogon: boolean,
): RequestHead {
  const common = commonHeaders(request, target.hostField, deps)
  const headers = withoutLogon ? withoutHeaders(common, LOGON) : common
  headers.push('Connection', 'keep-alive')
  return { method: request.method ?? 'GET', target: target.pathAndQuery, headers }
}

/** CONNECT for a parent. Fields such as User-Agent are forwarded: parents have rules about them. */
export function connectRequest(
  request: IncomingMessage,
  authority: string,
  deps: ProxyDependencies,
): RequestHead {
  const headers = withoutHeaders(commonHeaders(request, authority, deps), FRAMING)
  return { method: 'CONNECT', target: authority, headers: forParent(headers, deps) }
}

/** CONNECT for a client that does not speak HTTP: SOCKS5, or a static tunnel. */
export function ownConnectRequest(authority: string, deps: ProxyDependencies): RequestHead {
  const headers = ['Host', authority]
  appendVia(headers, '1.1', deps.pseudonym)
  return { method: 'CONNECT', target: authority, headers: forParent(headers, deps) }
}

/** Adds the request to change protocols, which is otherwise removed at each hop. */
export function withUpgrade(head: RequestHead, request: IncomingMessage): RequestHead {
  const protocols = getHeader(request.rawHeaders, 'Upgrade') ?? ''
  const headers = setHeader(head.headers, 'Connection', 'Upgrade')
  return { ...head, headers: [...headers, 'Upgrade', protocols] }
}

/** Whether all recipients find the same end of the request: chunked once and nothing else, or a length. */
export function hasKnownFraming({ rawHeaders }: IncomingMessage): boolean {
  if (!hasHeader(rawHeaders, 'Transfer-Encoding')) return true
  const codings = listTokens(rawHeaders, 'Transfer-Encoding')
  return codings.length === 1 && codings[0] === 'chunked'
}

/**
 * Call this before anything of the request is sent: node:http rejects such a body only after it has reported the
 * request.
 * @throws ProxyError NOT_SUPPORTED for an unknown coding (RFC 9112 section 6.1), otherwise BAD_REQUEST
 */
export function refuseBadFraming(request: IncomingMessage): void {
  if (hasKnownFraming(request)) return
  const isUnknown = listTokens(request.rawHeaders, 'Transfer-Encoding').some(
    coding => coding !== 'chunked',
  )
  throw isUnknown
    ? new ProxyError('NOT_SUPPORTED', { detail: 'Transfer-Encoding is not "chunked" alone' })
    : new ProxyError('BAD_REQUEST', { detail: 'Transfer-Encoding is not "chunked" once' })
}

/**
 * 100-continue is the only expectation that is defined.
 * @throws ProxyError EXPECTATION_FAILED (RFC 9110 section 10.1.1)
 */
export function refuseOtherExpectations({ headers, httpVersionMinor }: IncomingMessage): void {
  const { expect } = headers
  if (expect === undefined || httpVersionMinor === 0 || /^100-continue$/i.test(expect)) return
  throw new ProxyError('EXPECTATION_FAILED', { detail: 'Expect is not "100-continue"' })
}

/** The body, if the request has one (RFC 9112 section 6.3). @throws ProxyError as `refuseBadFraming`. */
export function requestBody(
  request: IncomingMessage,
  { bodyRate, bodyTimeoutMs, clock }: ProxyDependencies,
  onFirstRead: () => void,
): RequestBody | undefined {
  refuseBadFraming(request)
  const isChunked = hasHeader(request.rawHeaders, 'Transfer-Encoding')
  const length = contentLength(request.rawHeaders)
  if (!isChunked && (typeof length !== 'number' || length === 0)) return undefined
  return new StreamBody(request, {
    length: isChunked || typeof length !== 'number' ? undefined : length,
    onFirstRead,
    silence: { clock, limitMs: bodyTimeoutMs },
    leastRate: bodyRate,
    trailers: () => endToEndTrailers(request.rawTrailers, request.rawHeaders),
  })
}

function commonHeaders(request: IncomingMessage, host: string, deps: ProxyDependencies): string[] {
  const headers = endToEndRequestHeaders(request.rawHeaders)
  // RFC 9112 section 3.2.2: the target overrides Host. A missing Host is put first, where servers look for it.
  if (hasHeader(headers, 'Host')) replaceHeader(headers, 'Host', host)
  else headers.unshift('Host', host)
  const left = forwardsLeft(request)
  if (left !== undefined) replaceHeader(headers, 'Max-Forwards', String(left - 1))
  appendVia(headers, request.httpVersion, deps.pseudonym)
  if (hasListToken(request.rawHeaders, 'Transfer-Encoding', 'chunked'))
    headers.push('Transfer-Encoding', 'chunked')
  return headers
}

/** Applies the Header directives and asks to keep the connection alive. */
function forParent(headers: string[], deps: ProxyDependencies): string[] {
  for (const { name, value } of deps.headers) replaceHeader(headers, name, value)
  headers.push(...KEEP_ALIVE)
  return headers
}
