import type { Clock } from '../core/index.ts'
import type { LogonVerdict } from '../policy/index.ts'

/** The schemes this proxy can answer, the preferred one first. Negotiate then carries raw NTLMSSP (MS-NTHT section 2.1). */
export const SCHEMES = ['NTLM', 'Negotiate'] as const
export type Scheme = (typeof SCHEMES)[number]

/** One of the two frameworks of HTTP in which somebody demands a logon. */
export interface LogonFramework {
  readonly status: number
  /** The field that names schemes and holds challenges. */
  readonly challengeField: string
  /** The field that answers it. */
  readonly credentialsField: string
  /** What it says about the credential when an AUTHENTICATE is refused. */
  readonly refusal: LogonVerdict
  /** What to do when it offers no scheme known here. */
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

/** RFC 9110 section 11.6. An origin also answers 401 where the account has no right to what it asked for. */
export const ORIGIN_LOGON: LogonFramework = {
  status: 401,
  challengeField: 'WWW-Authenticate',
  credentialsField: 'Authorization',
  refusal: 'denied',
  advice: 'log on to it in another way',
}

/** Somebody who demands a logon. */
export interface Challenger {
  readonly label: string
  /** As configured or asked for: the service's name in the AUTHENTICATE_MESSAGE is made of it. */
  readonly host: string
  readonly framework: LogonFramework
  /** What to log on with; it follows the offers. */
  scheme: Scheme
  readonly options: {
    readonly clock: Clock
    /** For each answer that it gives by itself. */
    readonly handshakeTimeoutMs: number
  }
}
