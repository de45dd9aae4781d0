import { STATUS_CODES } from 'node:http'
import { ERRORS, type ErrorCode, type ProxyError } from '../core/index.ts'
import { chooseMediaType, formatProxyStatus, type ResponseHead } from '../http1/index.ts'
import type { Way } from '../upstream/index.ts'
import { adviceOn } from './error-advice.ts'

export interface ErrorPage {
  readonly head: ResponseHead
  readonly body: Buffer
}

export interface PageOptions {
  readonly requestId: string
  /** The Accept field of the request. */
  readonly accept: string | undefined
  /** The response to a HEAD has header fields only (RFC 9110 section 9.3.2). */
  readonly isHead: boolean
  /** The route on which the request failed. */
  readonly way?: Way | undefined
}

/** The content of a page, whatever its media type. */
interface Content {
  readonly status: number
  readonly reason: string
  readonly error: ErrorCode
  readonly message: string
  readonly advice: string | undefined
  readonly request: string
}

/** Details of these errors are for the administrator only; the log has them. */
const WITHOUT_DETAIL: ReadonlySet<ErrorCode> = new Set(['BUG', 'CONFIG'])

/** Keeps a page small even when a name in it is long. */
const MAX_MESSAGE = 400

/** The realm of cntlm: browsers store passwords by realm. */
const REALM = 'Basic realm="Cntlm Proxy"'

const FORMS = {
  'text/plain': asText,
  'text/html': asHtml,
  'application/json': asJson,
} as const satisfies Record<string, (content: Content) => string>

const TYPES = Object.keys(FORMS) as (keyof typeof FORMS)[]

/**
 * This proxy's own error response, with RFC 9209 Proxy-Status: plain text, or HTML or JSON for clients that prefer it.
 * A client that accepts none of them gets text, which is better than no explanation (RFC 9110 section 12.4.1).
 */
export function errorPage(error: ProxyError, options: PageOptions): ErrorPage {
  const { code, retryAfterMs, status } = error
  const reason = STATUS_CODES[status] ?? 'Error'
  const detail = WITHOUT_DETAIL.has(code) ? undefined : error.detail
  const { text, proxyStatus } = ERRORS[code]
  const message = detail === undefined ? text : `${text}: ${detail}`
  const content: Content = {
    status,
    reason,
    error: code,
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : `${message}.`,
    advice: adviceOn(code, options.way === 'upstream'),
    request: options.requestId,
  }
  const type = chooseMediaType(options.accept, TYPES) ?? 'text/plain'
  const body = Buffer.from(FORMS[type](content))
  const details = detail === undefined ? {} : { details: detail }
  const headers = [
    ...['Content-Type', type === 'application/json' ? type : `${type}; charset=utf-8`],
    ...['Content-Length', String(body.length)],
    ...['Cache-Control', 'no-store'],
    ...['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Proxy-Status', formatProxyStatus({ error: proxyStatus, ...details })],
    ...(retryAfterMs === undefined ? [] : ['Retry-After', String(Math.ceil(retryAfterMs / 1000))]),
    ...(status === 407 ? ['Proxy-Authenticate', REALM] : []),
  ]
  const head: ResponseHead = { version: '1.1', status, reason, headers }
  return { head, body: options.isHead ? Buffer.alloc(0) : body }
}

function asText({ message, advice, request, error }: Content): string {
  const lines = [message, advice, `Request ${request}, error ${error}.`]
  return `tsntlm: ${lines.filter(line => line !== undefined).join('\n')}\n`
}

function asJson({ status, error, message, advice, request }: Content): string {
  return `${JSON.stringify({ status, error, message, advice, request })}\n`
}

const STYLE =
  ':root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}h1{font-size:1.4rem}footer{border-top:1px solid;padding-top:.5rem;font-size:.9rem}'

function asHtml({ status, reason, message, advice, request, error }: Content): string {
  const title = `${status} ${escape(reason)}`
  const paragraphs = [message, advice].flatMap(text =>
    text === undefined ? [] : [`<p>${escape(text)}</p>`],
  )
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '<main>',
    `<h1>${title}</h1>`,
    ...paragraphs,
    '</main>',
    `<footer>tsntlm: request ${escape(request)}, error ${error}</footer>`,
    '',
  ].join('\n')
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
}
