import type { IncomingMessage } from 'node:http'
import { isProxyError, ProxyError, toProxyError } from '../core/index.ts'
import {
  getAllHeaders,
  parseBasicCredentials,
  parseChallenges,
  type ResponseHead,
} from '../http1/index.ts'
import type { Identity, OriginRights } from '../upstream/index.ts'
import type { ProxyDependencies } from './dependencies.ts'

/**
 * The account for a request's upstream logon: the one the client names with Basic, or the configured one.
 * @throws ProxyError CLIENT_AUTH_REQUIRED, CLIENT_AUTH_REJECTED.
 */
export function identityFor(
  request: IncomingMessage,
  { accounts, demandsClientLogon }: ProxyDependencies,
): Identity | undefined {
  const field = request.headers['proxy-authorization']
  const credentials = field === undefined ? undefined : parseBasicCredentials(field)
  if (credentials !== undefined) return accounts.ofClient(credentials)
  if (!demandsClientLogon) return accounts.own
  throw new ProxyError('CLIENT_AUTH_REQUIRED')
}

/** If the client's own account was refused, the client can be asked for another one, which a 502 would not do. */
export function blameClientAccount(thrown: unknown, isClientAccount: boolean): ProxyError {
  const error = toProxyError(thrown)
  const isRefusal = error.code === 'AUTH_REJECTED' || error.code === 'AUTH_LOCKED_OUT'
  if (!isRefusal || !isClientAccount) return error
  const detail = error.detail ?? error.message
  return new ProxyError('CLIENT_AUTH_REJECTED', { detail, cause: error })
}

/**
 * What credentials a request may send to an origin reached directly. A client whose own credentials are not Basic logs
 * on to the origin itself.
 */
export function originRightsOf(
  request: IncomingMessage,
  { accounts, originLogon, withholdsBasic }: ProxyDependencies,
): OriginRights {
  const { authorization } = request.headers
  if (authorization === undefined) {
    return { identity: originLogon ? accounts.own : undefined, basic: undefined }
  }
  const credentials = parseBasicCredentials(authorization)
  if (credentials === undefined) return { identity: undefined, basic: undefined }
  const basic = withholdsBasic ? authorization : undefined
  if (!originLogon) return { identity: undefined, basic }
  try {
    return { identity: accounts.ofClient(credentials), basic }
  } catch (error) {
    if (!isProxyError(error)) throw error
    return { identity: undefined, basic }
  }
}

/** Schemes that authenticate a connection rather than a request (RFC 4559 section 6). */
const CONNECTION_SCHEMES = /^(?:ntlm|negotiate|kerberos)\b/i

/** Whether the client logs on to the origin itself with a scheme that makes the connections involved its own. */
export function bindsConnection({ headers }: IncomingMessage): boolean {
  return CONNECTION_SCHEMES.test(headers.authorization ?? '')
}

/**
 * Fields added to an origin's 401 on its way to the client. Browsers log on through a proxy only if told that it keeps
 * connections apart (RFC 4559 section 6). Basic lets a client without NTLM name the account that logs on here, in the
 * realm that cntlm uses.
 */
export function demandFields(
  head: ResponseHead,
  origin: string | undefined,
  { originLogon }: ProxyDependencies,
): string[] {
  if (head.status !== 401) return []
  const schemes = parseChallenges(getAllHeaders(head.headers, 'WWW-Authenticate')).map(
    ({ schemeLower }) => schemeLower,
  )
  const isByConnection = schemes.includes('ntlm') || schemes.includes('negotiate')
  const offersBasic = originLogon && schemes.includes('ntlm') && !schemes.includes('basic')
  return [
    ...(isByConnection ? ['Proxy-Support', 'Session-Based-Authentication'] : []),
    ...(offersBasic ? ['WWW-Authenticate', `Basic realm="${origin ?? ''}"`] : []),
  ]
}
