import type { Clock } from '../core/index.ts'
import type { LogonVerdict } from '../policy/index.ts'

/** The supported schemes, the preferred one first. Negotiate then carries raw NTLMSSP (MS-NTHT section 2.1). */
export const SCHEMES = ['NTLM', 'Negotiate'] as const
export type Scheme = (typeof SCHEMES)[number]

/** One of HTTP's two authentication frameworks: for proxies or for origins. */
export interface LogonFramework {
  readonly status: number
  /** The field that names schemes and holds challenges. */
  readonly challengeField: string
  /** The field that answers it. */
  readonly credentialsField: string
  /** The verdict when an AUTHENTICATE is refused. */
  readonly refusal: LogonVerdict
  /** Advice when no supported scheme is offered. */
  readonly advice: string
}

/** RFC 9110 section 11.7. A proxy that refuses an AUTHENTICATE refuses the account. */
export const PROXY_LOGON: LogonFramework = {
  status: 407,
  challengeField: 'Proxy-Authenticate',
  credentialsField: 'Proxy-Authorization',
  refusal: 'refused',
  advice: 'ask for NTLM on it or name another Proxy',
}

/** RFC 9110 section 11.6. An origin also answers 401 when the account has no right to the resource. */
export const ORIGIN_LOGON: LogonFramework = {
  status: 401,
  challengeField: 'WWW-Authenticate',
  credentialsField: 'Authorization',
  refusal: 'denied',
  advice: 'log on to it in another way',
}

/** A server that requires a logon. */
export interface Challenger {
  readonly label: string
  /** As configured or requested; the service name in the AUTHENTICATE_MESSAGE is derived from it. */
  readonly host: string
  readonly framework: LogonFramework
  /** The scheme to log on with, updated from the server's offers. */
  scheme: Scheme
  readonly options: {
    readonly clock: Clock
    /** For each answer that the server gives by itself. */
    readonly handshakeTimeoutMs: number
  }
}
