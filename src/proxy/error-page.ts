import { STATUS_CODES } from 'node:http'
import type { ErrorCode, ProxyError } from '../core/index.ts'
import { ERRORS } from '../core/index.ts'
import { formatProxyStatus, type ResponseHead } from '../http1/index.ts'

export interface ErrorPage {
  readonly head: ResponseHead
  readonly body: Buffer
}

/** What the reader of the page can do about it. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  AUTH_REJECTED:
    'It is not tried again, so that the account is not locked. Mend the password in the configuration, and restart or reload tsntlm (SIGHUP).',
  AUTH_LOCKED_OUT: 'Mend the password in the configuration, and restart or reload tsntlm (SIGHUP).',
  AUTH_NOT_OFFERED: 'Check that the Proxy directives name the right proxies.',
  AUTH_NO_ACCOUNT: 'The administrator of this proxy can give it one.',
  CLIENT_AUTH_REQUIRED: 'User name: DOMAIN\\user, or user alone in the domain of this proxy.',
  CLIENT_AUTH_REJECTED: 'Log on with the right password.',
  BAD_TARGET:
    'This is a proxy: set it as http_proxy and https_proxy, or ask for http://host/path or CONNECT host:port.',
  CLIENT_DENIED: 'The Allow and Deny directives decide which clients may.',
  DIAL_DNS: 'Check the name, and the DNS server of the host that tsntlm runs on.',
  LOOP_DETECTED: 'Check that no Proxy directive names this proxy itself.',
  ROUTE_DENIED:
    'Addresses of the proxy host itself are not given to its clients; the DirectToLocal directive changes that.',
}

/** As cntlm names it: browsers keep passwords by the realm. */
const REALM = 'Basic realm="Cntlm Proxy"'

/** An answer of our own making: plain text, or HTML for those who ask for it, with RFC 9209 Proxy-Status. */
export function errorPage(
  error: ProxyError,
  options: { requestId: string; wantsHtml: boolean },
): ErrorPage {
  const { requestId, wantsHtml } = options
  const status = error.status
  const reason = STATUS_CODES[status] ?? 'Error'
  const lines = [
    `${error.message}.`,
    ADVICE[error.code],
    `Request ${requestId}, error ${error.code}.`,
  ]
  const text = lines.filter(line => line !== undefined)
  const body = Buffer.from(
    wantsHtml ? asHtml(`${status} ${reason}`, text) : `tsntlm: ${text.join('\n')}\n`,
  )
  const proxyStatus = formatProxyStatus({
    error: ERRORS[error.code].proxyStatus,
    ...(error.detail === undefined ? {} : { details: error.detail }),
  })
  const headers = [
    ...['Content-Type', `${wantsHtml ? 'text/html' : 'text/plain'}; charset=utf-8`],
    ...['Content-Length', String(body.length)],
    ...['Cache-Control', 'no-store'],
    ...['Proxy-Status', proxyStatus],
    ...(status === 407 ? ['Proxy-Authenticate', REALM] : []),
  ]
  return { head: { version: '1.1', status, reason, headers }, body }
}

function asHtml(title: string, lines: readonly string[]): string {
  const paragraphs = lines.map(line => `<p>${escape(line)}</p>`).join('\n')
  return `<!doctype html>\n<title>${escape(title)}</title>\n<h1>${escape(title)}</h1>\n${paragraphs}\n<hr>tsntlm\n`
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`)
}
