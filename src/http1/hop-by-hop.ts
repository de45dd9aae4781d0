import { contentLength } from './framing.ts'
import { FIELD_TEXT } from './grammar.ts'
import { FieldNames, hasHeader, isNamed, listTokens, type RawHeaders } from './headers.ts'

const CONNECTION_FIELDS = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]
// Expect is answered by this proxy, when it wants the body (RFC 9110 section 10.1.1).
const REQUEST_FIELDS = new FieldNames([...CONNECTION_FIELDS, 'proxy-authorization', 'expect'])
const RESPONSE_FIELDS = new FieldNames([
  ...CONNECTION_FIELDS,
  'proxy-authenticate',
  'proxy-authentication-info',
])

/**
 * Fields meant for all recipients, which Connection must not name (RFC 9110 section 7.6.1). Otherwise a sender could
 * use Connection to strip framing, Host, credentials or loop detection from a message.
 */
const END_TO_END: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'forwarded',
  'host',
  'location',
  'range',
  'set-cookie',
  'trailer',
  'vary',
  'via',
  'www-authenticate',
  'x-forwarded-for',
])

/** The request fields to forward upstream: no hop-by-hop fields, none that Connection names, no proxy credentials, no Expect. */
export function endToEndRequestHeaders(headers: RawHeaders): string[] {
  return endToEnd(headers, REQUEST_FIELDS)
}

/** The response fields to forward to the client: no hop-by-hop fields, none that Connection names. */
export function endToEndResponseHeaders(headers: RawHeaders): string[] {
  return endToEnd(headers, RESPONSE_FIELDS)
}

/**
 * Content-Length is forwarded once, as one number, because the next recipient may not accept equal duplicates. An
 * invalid one, which framing allows only where no body follows (HEAD, 304), is dropped.
 */
function endToEnd(headers: RawHeaders, hopFields: FieldNames): string[] {
  const named = namedByConnection(headers)
  const result: string[] = []
  let hasLength = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (hopFields.has(name) || named?.has(name) === true) continue
    if (!isNamed(name, 'content-length')) {
      result.push(name, headers[i + 1] ?? '')
    } else if (!hasLength) {
      hasLength = true
      const length = contentLength(headers)
      if (typeof length === 'number') result.push(name, String(length))
    }
  }
  return result
}

/** Usually Connection holds only keep-alive or close, and no set is made. */
function namedByConnection(headers: RawHeaders): FieldNames | undefined {
  if (!hasHeader(headers, 'connection')) return undefined
  const names = listTokens(headers, 'connection').filter(
    token => token !== 'keep-alive' && token !== 'close' && !END_TO_END.has(token),
  )
  return names.length === 0 ? undefined : new FieldNames(names)
}

/**
 * Fields that a trailer section must not change (RFC 9110 section 6.5.1): framing, routing, request modifiers,
 * authentication, and how to process the content. A recipient that merges trailers into the header would obey them.
 */
const NOT_IN_TRAILERS = new FieldNames([
  ...CONNECTION_FIELDS,
  ...['authorization', 'cookie', 'proxy-authenticate', 'proxy-authentication-info'],
  ...['proxy-authorization', 'set-cookie', 'www-authenticate'],
  ...['content-encoding', 'content-length', 'content-range', 'content-type', 'trailer'],
  ...['host', 'forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
  ...['cache-control', 'expect', 'max-forwards', 'pragma', 'range'],
  ...['if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since'],
  ...['age', 'date', 'expires', 'location', 'retry-after', 'vary', 'warning'],
])

/**
 * The trailer fields to forward, in either direction. Any recipient on the way may drop the others.
 * @param headers the header section, whose Connection may name them
 */
export function endToEndTrailers(trailers: RawHeaders, headers: RawHeaders): string[] {
  const named = namedByConnection(headers)
  const result: string[] = []
  for (let i = 0; i < trailers.length; i += 2) {
    const [name = '', value = ''] = trailers.slice(i, i + 2)
    const stays = NOT_IN_TRAILERS.has(name) || named?.has(name) === true
    if (!stays && FIELD_TEXT.test(value)) result.push(name, value)
  }
  return result
}
