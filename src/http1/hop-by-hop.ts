import { contentLength } from './framing.ts'
import { FieldNames, hasHeader, isNamed, listTokens, type RawHeaders } from './headers.ts'

const CONNECTION_FIELDS = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]
// Expect is answered here, when the body is wanted (RFC 9110 section 10.1.1).
const REQUEST_FIELDS = new FieldNames([...CONNECTION_FIELDS, 'proxy-authorization', 'expect'])
const RESPONSE_FIELDS = new FieldNames([
  ...CONNECTION_FIELDS,
  'proxy-authenticate',
  'proxy-authentication-info',
])

/**
 * Fields meant for all recipients, which Connection must not name (RFC 9110 section 7.6.1). Obeying such a Connection
 * would let a sender take framing, Host, credentials or the loop guard off a message on its way.
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

/** The fields of a request that go on upstream: none of this hop, none that Connection names, no proxy credentials, no Expect. */
export function endToEndRequestHeaders(headers: RawHeaders): string[] {
  return endToEnd(headers, REQUEST_FIELDS)
}

/** The fields of a response that go on to the client: none of this hop, none that Connection names. */
export function endToEndResponseHeaders(headers: RawHeaders): string[] {
  return endToEnd(headers, RESPONSE_FIELDS)
}

/**
 * Content-Length goes on once, as one number: the next reader may not count equal duplicates as one. An invalid one,
 * which framing lets pass only where no body follows (HEAD, 304), does not go on.
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

/** Most often Connection says nothing but keep-alive or close, and no set is made. */
function namedByConnection(headers: RawHeaders): FieldNames | undefined {
  if (!hasHeader(headers, 'connection')) return undefined
  const names = listTokens(headers, 'connection').filter(
    token => token !== 'keep-alive' && token !== 'close' && !END_TO_END.has(token),
  )
  return names.length === 0 ? undefined : new FieldNames(names)
}
