import type { IncomingMessage } from 'node:http'
import { ProxyError } from '../core/index.ts'
import {
  type AbsoluteForm,
  appendVia,
  contentLength,
  endToEndRequestHeaders,
  getHeader,
  hasHeader,
  hasListToken,
  listTokens,
  type RequestHead,
  setHeader,
  viaNames,
  withoutHeaders,
} from '../http1/index.ts'
import { KEEP_ALIVE, type RequestBody, StreamBody } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'

/** Expect is answered here, when the body is wanted (RFC 9110 section 10.1.1). */
const ANSWERED_HERE: ReadonlySet<string> = new Set(['expect'])

/** A CONNECT has no content (RFC 9110 section 9.3.6): what follows it belongs to the tunnel. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'trailer'])

const LOGON: ReadonlySet<string> = new Set(['authorization'])

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

/** What is sent to a parent proxy: absolute form, this proxy in Via, Header directives applied. */
export function requestForUpstream(
  request: IncomingMessage,
  target: AbsoluteForm,
  deps: ProxyDependencies,
): RequestHead {
  const headers = commonHeaders(request, target.hostField, deps)
  for (const { name, value } of deps.headers) replace(headers, setHeader(headers, name, value))
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '',
    headers: [...headers, ...KEEP_ALIVE],
  }
}

/**
 * What is sent to an origin without a parent: origin form. Header directives are for the parent alone, as with cntlm.
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
  return {
    method: request.method ?? 'GET',
    target: target.pathAndQuery,
    headers: [...headers, 'Connection', 'keep-alive'],
  }
}

/** CONNECT as a parent sees it. Fields such as User-Agent go along: parents have rules about them. */
export function connectRequest(
  request: IncomingMessage,
  authority: string,
  deps: ProxyDependencies,
): RequestHead {
  const headers = withoutHeaders(commonHeaders(request, authority, deps), FRAMING)
  for (const { name, value } of deps.headers) replace(headers, setHeader(headers, name, value))
  return { method: 'CONNECT', target: authority, headers: [...headers, ...KEEP_ALIVE] }
}

/** CONNECT for a client that speaks no HTTP: SOCKS5, or a static tunnel. */
export function ownConnectRequest(authority: string, deps: ProxyDependencies): RequestHead {
  const headers = appendVia(['Host', authority], '1.1', deps.pseudonym)
  for (const { name, value } of deps.headers) replace(headers, setHeader(headers, name, value))
  return { method: 'CONNECT', target: authority, headers: [...headers, ...KEEP_ALIVE] }
}

/** The same request with the wish to change protocols in it, which otherwise ends at each hop. */
export function withUpgrade(head: RequestHead, request: IncomingMessage): RequestHead {
  const protocols = getHeader(request.rawHeaders, 'Upgrade') ?? ''
  const headers = setHeader(head.headers, 'Connection', 'Upgrade')
  return { ...head, headers: [...headers, 'Upgrade', protocols] }
}

/** The body, if the request has one (RFC 9112 section 6.3). @throws ProxyError NOT_SUPPORTED for an unknown coding. */
export function requestBody(
  request: IncomingMessage,
  { bodyTimeoutMs, clock }: ProxyDependencies,
  onFirstRead: () => void,
): RequestBody | undefined {
  const codings = listTokens(request.rawHeaders, 'Transfer-Encoding')
  if (codings.some(coding => coding !== 'chunked')) {
    throw new ProxyError('NOT_SUPPORTED', { detail: 'Transfer-Encoding is not "chunked" alone' })
  }
  const isChunked = codings.length > 0
  const length = contentLength(request.rawHeaders)
  if (!isChunked && (typeof length !== 'number' || length === 0)) return undefined
  return new StreamBody(request, {
    length: isChunked || typeof length !== 'number' ? undefined : length,
    onFirstRead,
    silence: { clock, limitMs: bodyTimeoutMs },
    trailers: () => request.rawTrailers,
  })
}

function commonHeaders(request: IncomingMessage, host: string, deps: ProxyDependencies): string[] {
  const endToEnd = withoutHeaders(endToEndRequestHeaders(request.rawHeaders), ANSWERED_HERE)
  // RFC 9112 section 3.2.2: the target decides, whatever Host says; a missing Host comes first, where servers look for it.
  const withHost = hasHeader(endToEnd, 'Host')
    ? setHeader(endToEnd, 'Host', host)
    : ['Host', host, ...endToEnd]
  const headers = appendVia(withHost, request.httpVersion, deps.pseudonym)
  if (hasListToken(request.rawHeaders, 'Transfer-Encoding', 'chunked'))
    headers.push('Transfer-Encoding', 'chunked')
  return headers
}

function replace(target: string[], source: readonly string[]): void {
  target.splice(0, target.length, ...source)
}
