import { ProxyError } from '../core/index.ts'

/**
 * NEGOTIATE flags (MS-NLMP 2.2.2.5), without the prefixes NTLMSSP_ and NEGOTIATE_; `r` numbers are
 * reserved bits.
 */
export const NegotiateFlags = {
  UNICODE: 0x00000001,
  OEM: 0x00000002,
  REQUEST_TARGET: 0x00000004,
  r10: 0x00000008,
  SIGN: 0x00000010,
  SEAL: 0x00000020,
  DATAGRAM: 0x00000040,
  LM_KEY: 0x00000080,
  r9: 0x00000100,
  NTLM: 0x00000200,
  r8: 0x00000400,
  ANONYMOUS: 0x00000800,
  OEM_DOMAIN_SUPPLIED: 0x00001000,
  OEM_WORKSTATION_SUPPLIED: 0x00002000,
  r7: 0x00004000,
  ALWAYS_SIGN: 0x00008000,
  TARGET_TYPE_DOMAIN: 0x00010000,
  TARGET_TYPE_SERVER: 0x00020000,
  r6: 0x00040000,
  EXTENDED_SESSIONSECURITY: 0x00080000,
  IDENTIFY: 0x00100000,
  r5: 0x00200000,
  REQUEST_NON_NT_SESSION_KEY: 0x00400000,
  TARGET_INFO: 0x00800000,
  r4: 0x01000000,
  VERSION: 0x02000000,
  r3: 0x04000000,
  r2: 0x08000000,
  r1: 0x10000000,
  128: 0x20000000,
  KEY_EXCH: 0x40000000,
  56: 0x80000000,
} as const

/** What Windows offers over HTTP: no SIGN, SEAL or KEY_EXCH, so that no session key is sent. */
export const OFFER_HTTP_DEFAULT = 0xa2088207
/**
 * The same without EXTENDED_SESSIONSECURITY, for NTLMv1 and LM, which it would turn into NTLM2SR.
 */
export const OFFER_NTLM_V1 = 0xa2008207

export function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}

/** The names of the bits that are set, lowest first. */
export function describeFlags(flags: number): string[] {
  return Object.entries(NegotiateFlags)
    .filter(([, bit]) => hasFlag(flags, bit))
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name)
}

/**
 * Rejects Type 1 flags that servers interpret differently: with KEY_EXCH and no SIGN some expect an encrypted key and
 * some expect none (MS-NLMP 3.1.5.1.2).
 *
 * @throws ProxyError CONFIG
 */
export function assertUsableOffer(offer: number): void {
  if (hasFlag(offer, NegotiateFlags.KEY_EXCH) && !hasFlag(offer, NegotiateFlags.SIGN)) {
    const detail = `Flags 0x${offer.toString(16)} offers KEY_EXCH (0x40000000) without SIGN (0x10): add SIGN or drop KEY_EXCH`
    throw new ProxyError('CONFIG', { detail })
  }
}
