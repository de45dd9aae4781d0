import { ProxyError } from '../core/index.ts'
import type { Dialect } from './credentials.ts'
import { hasFlag, NegotiateFlags } from './negotiate-flags.ts'

const { UNICODE, OEM, EXTENDED_SESSIONSECURITY, TARGET_INFO, SIGN, SEAL, KEY_EXCH } = NegotiateFlags

/** Flags that are set in the AUTHENTICATE_MESSAGE if both sides set them. All others are up to the server, or of no use here. */
const AGREEABLE =
  NegotiateFlags.REQUEST_TARGET |
  NegotiateFlags.NTLM |
  NegotiateFlags.ALWAYS_SIGN |
  NegotiateFlags.IDENTIFY |
  NegotiateFlags.VERSION |
  NegotiateFlags[128] |
  NegotiateFlags[56] |
  SIGN |
  SEAL

function agreeOnSessionSecurity(dialect: Dialect, agreed: number): number {
  switch (dialect) {
    case 'NTLMv2':
      // NTLMv2 needs no agreement. Requiring one would allow a downgrade to NTLMv1 by clearing the bit.
      return EXTENDED_SESSIONSECURITY
    case 'NTLM2SR':
      if (hasFlag(agreed, EXTENDED_SESSIONSECURITY)) return EXTENDED_SESSIONSECURITY
      throw new ProxyError('AUTH_UNSUPPORTED', {
        detail:
          'Auth NTLM2SR needs extended session security, which the upstream proxy does not offer: use Auth NTLMv2',
      })
    case 'NTLM':
    case 'NT':
    case 'LM':
      return 0
  }
}

/** Without SIGN, servers disagree on whether a key belongs there. The LM response alone has no key to wrap with. */
function agreeOnKeyExchange(dialect: Dialect, agreed: number): number {
  return dialect !== 'LM' && hasFlag(agreed, SIGN) ? agreed & KEY_EXCH : 0
}

/**
 * The flags of the AUTHENTICATE_MESSAGE: what was offered and agreed on, with one character set. The dialect comes from
 * the configuration; the flags of a server can make it fail, but never change it.
 *
 * @throws ProxyError AUTH_UNSUPPORTED
 */
export function answerFlags(dialect: Dialect, offer: number, server: number): number {
  const agreed = offer & server
  const usesTargetInfo = dialect === 'NTLMv2' || dialect === 'NTLM2SR'
  const flags =
    (agreed & AGREEABLE) |
    (hasFlag(server, UNICODE) ? UNICODE : OEM) |
    agreeOnSessionSecurity(dialect, agreed) |
    agreeOnKeyExchange(dialect, agreed) |
    (usesTargetInfo ? server & TARGET_INFO : 0)
  return flags >>> 0
}
