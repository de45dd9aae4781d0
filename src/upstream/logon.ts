import { isProxyError, ProxyError } from '../core/index.ts'
import { type RequestHead, setHeader } from '../http1/index.ts'
import type { Attempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { LogonPass } from './guard-gate.ts'
import { namesOffered, readOffers } from './offers.ts'
import type { RequestBody } from './request-body.ts'
import type { Upstream } from './upstream.ts'

/** A 407 body is read so that the connection can go on; beyond this it is cheaper to make a new one. */
const BODY_OF_407_BYTES = 1024 * 1024
const BODY_OF_407_MS = 10_000

export interface Logon {
  readonly upstream: Upstream
  readonly attempt: Attempt
  readonly request: RequestHead
  readonly body: RequestBody | undefined
  readonly pass: LogonPass
  readonly signal: AbortSignal
  /** For the answer to the AUTHENTICATE. */
  readonly timeoutMs: number
  readonly onInformational?: Attempt['call']['onInformational']
  /** Called when everything sent from now on is the request itself. */
  readonly onRequest: () => void
}

export interface LogonResult {
  readonly exchange: Exchange
  /** `open`: the upstream answered without asking for credentials. */
  readonly outcome: 'accepted' | 'open'
}

/**
 * The NTLM handshake (MS-NTHT): the request without its body carries the NEGOTIATE, the 407 the CHALLENGE, and the
 * request with its body the AUTHENTICATE. The pass is always reported.
 * @throws ProxyError AUTH_* and what UpstreamConnection.send throws.
 */
export async function logOn(logon: Logon): Promise<LogonResult> {
  const { upstream, attempt, request, body, pass, signal } = logon
  const { connection } = attempt.lease.session
  const { authenticator, address, clock, handshakeTimeoutMs } = upstream.options
  try {
    const auth = authenticator.begin(address.host)
    const first = await connection.send(
      withCredentials(withoutBody(request, body), upstream.scheme, auth.negotiate()),
      undefined,
      {
        timeoutMs: handshakeTimeoutMs,
        signal,
      },
    )
    if (first.head.status !== 407) return { exchange: first, outcome: 'open' }
    const challenge = readChallenge(upstream, first)
    if (!(await first.drain(BODY_OF_407_BYTES, BODY_OF_407_MS, clock))) {
      throw new ProxyError('AUTH_STATE_LOST', {
        detail: `${upstream.label} closes the connection with its challenge`,
      })
    }
    const token = auth.authenticate(challenge)
    pass.beforeShowing()
    logon.onRequest()
    return { exchange: await authenticate(logon, token), outcome: 'accepted' }
  } finally {
    pass.report('not-shown', upstream.label)
  }
}

async function authenticate(logon: Logon, token: string): Promise<Exchange> {
  const { upstream, attempt, request, body, pass, signal, timeoutMs, onInformational } = logon
  const { connection } = attempt.lease.session
  try {
    const exchange = await connection.send(withCredentials(request, upstream.scheme, token), body, {
      timeoutMs,
      signal,
      ...(onInformational === undefined ? {} : { onInformational }),
    })
    if (exchange.head.status === 407) {
      attempt.otherReading = pass.report('rejected', upstream.label)
      const { account } = upstream.options.authenticator
      const next = attempt.otherReading
        ? '; its hashes are read in the other way from now on, so send the request again'
        : ''
      throw new ProxyError('AUTH_REJECTED', {
        detail: `${upstream.label} refuses the logon of ${account}${next}`,
      })
    }
    pass.report('accepted', upstream.label)
    return exchange
  } catch (error) {
    if (!isProxyError(error) || error.code !== 'AUTH_REJECTED')
      pass.report('unanswered', upstream.label)
    throw error
  }
}

/**
 * Reads a 407 to a request that showed no credentials, learns from it, and leaves the connection ready for a logon.
 * @throws ProxyError AUTH_NOT_OFFERED, or AUTH_STATE_LOST when the connection ends with it.
 */
export async function learnFrom407(upstream: Upstream, exchange: Exchange): Promise<void> {
  const offered = readOffers(exchange.head)[0]
  const offer = readOffers(exchange.head).find(other => other.scheme === upstream.scheme) ?? offered
  if (offer === undefined) throw notOffered(upstream, exchange)
  upstream.demand = 'always'
  upstream.scheme = offered?.scheme ?? offer.scheme
  if (!(await exchange.drain(BODY_OF_407_BYTES, BODY_OF_407_MS, upstream.options.clock))) {
    throw new ProxyError('AUTH_STATE_LOST', {
      detail: `${upstream.label} closes the connection when it asks for a logon`,
    })
  }
}

function readChallenge(upstream: Upstream, exchange: Exchange): string {
  const offers = readOffers(exchange.head)
  const tokens = new Set(
    offers.filter(offer => offer.scheme === upstream.scheme).flatMap(offer => offer.token ?? []),
  )
  const [token] = tokens
  if (tokens.size > 1) {
    throw new ProxyError('AUTH_CHALLENGE_MALFORMED', {
      detail: `${upstream.label} sends several challenges at once`,
    })
  }
  if (token !== undefined && token !== '') return token
  const other = offers[0]
  if (other === undefined) throw notOffered(upstream, exchange)
  // Named without a challenge: another scheme is wanted, or the upstream lost the state of this connection.
  upstream.scheme = other.scheme
  throw new ProxyError('AUTH_STATE_LOST', {
    detail: `${upstream.label} answers the logon without a challenge`,
  })
}

function notOffered(upstream: Upstream, exchange: Exchange): ProxyError {
  return new ProxyError('AUTH_NOT_OFFERED', {
    detail: `${upstream.label} offers ${namesOffered(exchange.head)}; ask for NTLM on it or name another Proxy`,
  })
}

function withCredentials(request: RequestHead, scheme: string, token: string): RequestHead {
  return {
    ...request,
    headers: setHeader(request.headers, 'Proxy-Authorization', `${scheme} ${token}`),
  }
}

/** RFC 9110 section 8.6: a request that will have content says that this one has none. */
function withoutBody(request: RequestHead, body: RequestBody | undefined): RequestHead {
  if (body === undefined) return request
  const headers: string[] = []
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const [name = '', value = ''] = [request.headers[i], request.headers[i + 1]]
    if (!/^(content-length|transfer-encoding|trailer)$/i.test(name)) headers.push(name, value)
  }
  return { ...request, headers: [...headers, 'Content-Length', '0'] }
}
