import { ProxyError } from '../core/index.ts'
import type { ResponseHead } from './head.ts'
import { getAllHeaders, hasHeader, hasListToken, listTokens, type RawHeaders } from './headers.ts'

/** The extent of a response body. `tunnel`: the message is over, what follows is not HTTP (2xx to CONNECT, 101 to Upgrade). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }
  | { readonly kind: 'tunnel' }

const NONE: BodyFraming = { kind: 'none' }
const CHUNKED: BodyFraming = { kind: 'chunked' }
const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' }
const TUNNEL: BodyFraming = { kind: 'tunnel' }

/**
 * The message body length rules of RFC 9112 section 6.3 for the response to a request of this method. A 101 switches to
 * another protocol, so it is only valid if the request asked for that (RFC 9110 section 15.2.2).
 * @param mayUpgrade whether the request had the field Upgrade
 * @throws ProxyError UPSTREAM_PROTOCOL when the framing is ambiguous or cannot be decoded.
 */
export function responseFraming(
  method: string,
  head: ResponseHead,
  mayUpgrade = true,
): BodyFraming {
  const { status, headers } = head
  if (status === 101 && !mayUpgrade) fail('it changes the protocol, which nobody asked for')
  if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) return TUNNEL
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return NONE
  if (hasHeader(headers, 'transfer-encoding')) return transferEncoded(headers)
  const length = contentLength(headers)
  if (length === 'invalid') fail('Content-Length is not one decimal number')
  return length === undefined ? UNTIL_CLOSE : { kind: 'length', length }
}

/**
 * Whether two recipients may have parsed the response differently. If a proxy on the way takes a bare LF as part of a
 * value, an origin can hide a second response behind it, which the next request would get; so the connection is not
 * reused. A 407 comes from the proxy itself.
 */
function mayBeMisread({ bareLf, status }: ResponseHead): boolean {
  return bareLf === true && status !== 407
}

/**
 * Whether the connection can be used for another exchange after this response. Close wins over keep-alive: ISA answers
 * with `Proxy-Connection: close` next to `Connection: Keep-Alive` and means it.
 */
export function isPersistent(head: ResponseHead, framing: BodyFraming): boolean {
  const { headers } = head
  if (framing.kind === 'until-close' || framing.kind === 'tunnel') return false
  if (mayBeMisread(head)) return false
  if (hasConnectionOption(headers, 'close')) return false
  if (head.version === '1.1') return true
  // RFC 9112 section 6.1: Transfer-Encoding in HTTP/1.0 is faulty framing, so the connection ends with the message.
  return hasConnectionOption(headers, 'keep-alive') && !hasHeader(headers, 'transfer-encoding')
}

/**
 * The Content-Length of a message: undefined without the field. Several equal values, in one field or many, count
 * as one (RFC 9112 section 6.3, item 5).
 */
export function contentLength(headers: RawHeaders): number | 'invalid' | undefined {
  const values = getAllHeaders(headers, 'content-length')
  const first = values[0]
  if (first === undefined) return undefined
  if (values.length === 1 && /^[0-9]{1,15}$/.test(first)) return Number(first)
  const numbers = values.flatMap(value => value.split(',').map(parseLength))
  const length = numbers[0]
  return length !== undefined && numbers.every(number => number === length) ? length : 'invalid'
}

function parseLength(text: string): number | undefined {
  const match = /^[ \t]*([0-9]+)[ \t]*$/.exec(text)
  const length = Number(match?.[1])
  return Number.isSafeInteger(length) ? length : undefined
}

/**
 * Without TE in the request, chunked is the only coding allowed (RFC 9112 section 7.4). A coding we cannot decode would
 * reach the client as garbage, because Transfer-Encoding is not forwarded. `identity` is RFC 2616's word for none.
 */
function transferEncoded(headers: RawHeaders): BodyFraming {
  if (hasHeader(headers, 'content-length')) {
    fail('it has Transfer-Encoding and Content-Length')
  }
  const codings = listTokens(headers, 'transfer-encoding')
  if (codings.length === 1 && codings[0] === 'chunked') return CHUNKED
  if (codings.length === 1 && codings[0] === 'identity') return UNTIL_CLOSE
  fail('its Transfer-Encoding is not "chunked"')
}

function hasConnectionOption(headers: RawHeaders, option: string): boolean {
  return (
    hasListToken(headers, 'connection', option) || hasListToken(headers, 'proxy-connection', option)
  )
}

function fail(detail: string): never {
  throw new ProxyError('UPSTREAM_PROTOCOL', { detail })
}
