import type { ErrorCode } from '../core/index.ts'

/** Never shown to a client: the client is gone, the program is not running, or another route is used instead. */
export const NEVER_SHOWN = [
  'CLIENT_ABORTED',
  'NTLM_MALFORMED',
  'PAC_UNAVAILABLE',
  'PAC_SYNTAX',
  'PAC_TIMEOUT',
  'PAC_MEMORY',
  'CONFIG',
] as const satisfies readonly ErrorCode[]

type Shown = Exclude<ErrorCode, (typeof NEVER_SHOWN)[number]>

const CORRECT = 'Correct the password in the configuration and run "tsntlm reload".'
const AGAIN = 'Try again later.'
const TELL = 'If it stays so, tell the administrator of this proxy the number of the request.'

/** What the reader can do about the error. */
const ADVICE: Readonly<Record<Shown, string>> = {
  BAD_REQUEST:
    "The proxy's URL begins with http://, for https targets too: TLS sent to it is not valid HTTP.",
  BAD_TARGET:
    'This is a proxy: set it as http_proxy and https_proxy, or ask for http://host/path or CONNECT host:port.',
  HEADERS_TOO_LARGE: 'Up to 64 KiB are accepted; delete the cookies of this site.',
  CLIENT_DENIED: 'The Allow and Deny directives decide which clients may.',
  CLIENT_AUTH_REQUIRED: 'User name: DOMAIN\\user, or user alone in the domain of this proxy.',
  CLIENT_AUTH_REJECTED: 'Log on with the right password.',
  CLIENT_TIMEOUT: 'Send the request again, without pauses.',
  CLIENT_LIMIT: 'Try again in a moment; the administrator of this proxy can raise the limit.',
  LOOP_DETECTED: 'Check that no Proxy directive names this proxy itself.',
  NOT_SUPPORTED: 'Use CONNECT for https, and no body in a request for another protocol.',
  EXPECTATION_FAILED: 'Send the request without Expect, or with 100-continue alone.',
  NO_UPSTREAM: 'A Proxy or a NoProxy directive that covers the target is missing.',
  ROUTE_DENIED:
    'Addresses of the proxy host itself are not given to its clients; for most of them the DirectToLocal directive changes that.',
  DIAL_REFUSED: `Check the port and whether the server runs. ${AGAIN}`,
  DIAL_TIMEOUT: `Nothing answers at the address, or a firewall drops the packets. ${AGAIN}`,
  DIAL_UNREACHABLE: 'Check the address, and the network of the host that tsntlm runs on.',
  DIAL_DNS: 'Check the name, and the DNS server of the host that tsntlm runs on.',
  UPSTREAM_CLOSED: `Try again. ${TELL}`,
  UPSTREAM_PROTOCOL: `Check that an HTTP server listens there. ${TELL}`,
  UPSTREAM_HEADER_LIMIT:
    'Up to 64 KiB and 1000 fields are accepted; it is the server that sends more.',
  UPSTREAM_TIMEOUT: `The server is slow or overloaded. ${AGAIN}`,
  UPSTREAM_SILENT: `The upstream proxy is down or overloaded. ${AGAIN}`,
  AUTH_NOT_OFFERED: 'Check that the Proxy directives name the right proxies.',
  AUTH_CHALLENGE_MALFORMED: TELL,
  AUTH_STATE_LOST: `Try again. ${TELL}`,
  AUTH_UNSUPPORTED: 'The administrator of this proxy can change the Auth directive.',
  AUTH_NO_ACCOUNT: 'The administrator of this proxy can give it one.',
  AUTH_REJECTED: `The same password is not tried again, so that the account is not locked. ${CORRECT}`,
  AUTH_LOCKED_OUT: `${CORRECT} If the password is right (the account was unlocked, or a domain controller was out of reach), run "tsntlm unlock".`,
  AUTH_UNANSWERED: `Its domain controller may be out of reach. ${AGAIN}`,
  AUTH_OUT_OF_ORDER: `Its domain controller may be out of reach; tell the administrator of the upstream proxy. ${AGAIN}`,
  UPSTREAM_DENIED:
    'The account is in order: the policy of the upstream proxy denies this target. Ask its administrator for access.',
  POOL_TIMEOUT: `The upstream proxy is slow or overloaded. ${AGAIN}`,
  QUEUE_FULL: `The upstream proxy is slow or overloaded. ${AGAIN}`,
  NO_DESCRIPTORS: `Try again in a moment. ${TELL}`,
  DRAINING: 'Try again in a moment: it may be restarting.',
  BUG: 'Tell the administrator of this proxy the number of the request: the log has the details.',
}

/** The unreachable host is then a company proxy, whatever site was requested. */
const UPSTREAM =
  'This is the upstream proxy of the company, not the web server. Check that this host is in the network of the company (VPN), and the Proxy directives.'

const UPSTREAM_ADVICE: Partial<Record<ErrorCode, string>> = {
  DIAL_REFUSED: `${UPSTREAM} ${AGAIN}`,
  DIAL_TIMEOUT: `${UPSTREAM} ${AGAIN}`,
  DIAL_UNREACHABLE: UPSTREAM,
  DIAL_DNS: UPSTREAM,
}

/** @param isUpstreams whether an upstream proxy failed. */
export function adviceOn(code: ErrorCode, isUpstreams = false): string | undefined {
  const advice: Partial<Record<ErrorCode, string>> = ADVICE
  return (isUpstreams ? UPSTREAM_ADVICE[code] : undefined) ?? advice[code]
}
