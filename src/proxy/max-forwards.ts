import type { IncomingMessage, ServerResponse } from 'node:http'
import { FieldNames, formatHttpDate, getAllHeaders, withoutHeaders } from '../http1/index.ts'
import type { ProxyDependencies } from './dependencies.ts'
import type { RequestScope } from './request-scope.ts'

/** The methods that Max-Forwards applies to (RFC 9110 section 7.6.2); with others it may be ignored. */
const COUNTED = new Set(['TRACE', 'OPTIONS'])

/** Larger values are capped. */
const MOST = 999_999_999

/** RFC 9110 section 9.3.8: fields that are likely to be secret are not reflected. */
const SECRET = new FieldNames(['authorization', 'cookie', 'proxy-authorization'])

/** How often a request may still be forwarded; undefined unless it says so in exactly one number. */
export function forwardsLeft({ method, rawHeaders }: IncomingMessage): number | undefined {
  if (!COUNTED.has(method ?? '')) return undefined
  const [value, ...others] = getAllHeaders(rawHeaders, 'Max-Forwards')
  if (value === undefined || others.length > 0 || !/^[0-9]+$/.test(value)) return undefined
  return Math.min(Number(value), MOST)
}

/** Answers a request that must not be forwarded any further: this proxy is its final recipient. */
export function answerAsLast(
  { clock }: ProxyDependencies,
  scope: RequestScope,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const isTrace = request.method === 'TRACE'
  const body = isTrace ? reflection(request) : Buffer.alloc(0)
  response.sendDate = false
  response.writeHead(200, [
    ...['Date', formatHttpDate(clock.wallMs())],
    ...(isTrace ? ['Content-Type', 'message/http'] : []),
    ...['Content-Length', String(body.length)],
  ])
  scope.responded(200)
  scope.bytesOut = body.length
  response.end(body)
}

function reflection({ httpVersion, method = '', rawHeaders, url = '' }: IncomingMessage): Buffer {
  const fields = withoutHeaders(rawHeaders, SECRET)
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at + 1 < fields.length; at += 2)
    lines.push([fields[at], fields[at + 1]].join(': '))
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
