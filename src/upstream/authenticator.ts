import { type Clock, type Entropy, isProxyError, ProxyError } from '../core/index.ts'
import { decodeToken, encodeToken, type NtlmCredentials, NtlmInitiator } from '../ntlm/index.ts'

/** One logon on one connection: two tokens, in this order, each once. Nothing here performs I/O. */
export interface AuthExchange {
  /** The NEGOTIATE_MESSAGE in base64. */
  negotiate(): string
  /** The AUTHENTICATE_MESSAGE in base64. @throws ProxyError AUTH_CHALLENGE_MALFORMED, AUTH_UNSUPPORTED. */
  authenticate(challenge: string): string
}

export interface Authenticator {
  /** `DOMAIN\user`, for messages. */
  readonly account: string
  readonly dialect: string
  /** @param host the upstream's host as configured: the service's name in the AUTHENTICATE_MESSAGE. */
  begin(host: string): AuthExchange
}

export interface NtlmAuthenticatorOptions {
  /** Asked for each logon; always of the same account and dialect. */
  readonly credentials: () => NtlmCredentials
  readonly entropy: Entropy
  readonly clock: Clock
  /** cntlm's Flags: replaces the NEGOTIATE_MESSAGE's flags. */
  readonly negotiateFlags?: number | undefined
}

/** `DOMAIN\user`, or the user alone. */
export function accountOf({ domain, user }: NtlmCredentials): string {
  return domain === '' ? user : `${domain}\\${user}`
}

export function ntlmAuthenticator(options: NtlmAuthenticatorOptions): Authenticator {
  const { credentials, entropy, clock, negotiateFlags } = options
  return {
    account: accountOf(credentials()),
    dialect: credentials().dialect,
    begin(host) {
      const initiator = new NtlmInitiator(credentials(), {
        entropy,
        clock,
        targetName: `HTTP/${host}`,
        ...(negotiateFlags === undefined ? {} : { negotiateFlags }),
      })
      return {
        negotiate: () => encodeToken(initiator.negotiate()),
        authenticate(challenge) {
          try {
            return encodeToken(initiator.authenticate(decodeToken(challenge) ?? Buffer.alloc(0)))
          } catch (error) {
            if (!isProxyError(error) || error.code !== 'NTLM_MALFORMED') throw error
            throw new ProxyError('AUTH_CHALLENGE_MALFORMED', {
              detail: error.detail ?? error.message,
              cause: error,
            })
          }
        },
      }
    },
  }
}
