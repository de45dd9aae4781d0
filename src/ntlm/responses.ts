import { desl } from './des.ts'
import { md4 } from './md4.ts'
import { hmacMd5, md5 } from './md5.ts'

export interface ComputedResponse {
  /** LmChallengeResponse. */
  readonly lm: Buffer
  /** NtChallengeResponse. */
  readonly nt: Buffer
  /** KXKEY, 16 bytes; undefined where none is defined for what we negotiate. */
  readonly keyExchangeKey: Buffer | undefined
}

export interface V2Input {
  readonly ntowfV2: Buffer
  /** 8 bytes each. */
  readonly serverChallenge: Buffer
  readonly clientChallenge: Buffer
  /** FILETIME, 8 bytes. */
  readonly time: Buffer
  /** Encoded AV pairs with MsvAvEOL. */
  readonly avPairs: Buffer
}

/**
 * `temp` of MS-NLMP 3.3.2: versions 1 and 1, 6 zero bytes, time, client challenge, 4 zero bytes, AV
 * pairs, and the 4 zero bytes that some servers insist on.
 */
export function encodeTemp(input: Pick<V2Input, 'time' | 'clientChallenge' | 'avPairs'>): Buffer {
  const head = Buffer.from('0101000000000000', 'hex')
  const zero = Buffer.alloc(4)
  return Buffer.concat([head, input.time, input.clientChallenge, zero, input.avPairs, zero])
}

/** NTProofStr: HMAC-MD5 of server challenge and `temp` under NTOWFv2. */
export function ntProofStr(ntowfV2: Buffer, serverChallenge: Buffer, temp: Buffer): Buffer {
  return hmacMd5(ntowfV2, serverChallenge, temp)
}

/** SessionBaseKey of NTLMv2, which is also its KXKEY (MS-NLMP 3.4.5.1). */
export function sessionBaseKeyV2(ntowfV2: Buffer, proof: Buffer): Buffer {
  return hmacMd5(ntowfV2, proof)
}

/** LMv2: HMAC-MD5 of both challenges under NTOWFv2, then the client challenge; 24 bytes. */
export function lmV2Response(
  input: Pick<V2Input, 'ntowfV2' | 'serverChallenge' | 'clientChallenge'>,
): Buffer {
  const { ntowfV2, serverChallenge, clientChallenge } = input
  return Buffer.concat([hmacMd5(ntowfV2, serverChallenge, clientChallenge), clientChallenge])
}

/**
 * NTLMv2 (MS-NLMP 3.3.2). With a MIC the LM response is 24 zero bytes, which of the forms that MS-NLMP 3.1.5.1.2 allows
 * is the one most servers accept; without one it is LMv2.
 */
export function computeNtlmV2(input: V2Input, mic: boolean): ComputedResponse {
  const temp = encodeTemp(input)
  const proof = ntProofStr(input.ntowfV2, input.serverChallenge, temp)
  return {
    lm: mic ? Buffer.alloc(24) : lmV2Response(input),
    nt: Buffer.concat([proof, temp]),
    keyExchangeKey: sessionBaseKeyV2(input.ntowfV2, proof),
  }
}

/** NTLM2 session response: NTLMv1 with EXTENDED_SESSIONSECURITY (MS-NLMP 3.3.1, KXKEY 3.4.5.1). */
export function computeNtlm2Session(
  ntHash: Buffer,
  serverChallenge: Buffer,
  clientChallenge: Buffer,
): ComputedResponse {
  const nonce = md5(serverChallenge, clientChallenge).subarray(0, 8)
  return {
    lm: Buffer.concat([clientChallenge, Buffer.alloc(16)]),
    nt: desl(ntHash, nonce),
    keyExchangeKey: hmacMd5(md4(ntHash), serverChallenge, clientChallenge),
  }
}

/**
 * NTLMv1 (MS-NLMP 3.3.1). Without an LM hash both fields hold the NT response. LM_KEY and REQUEST_NON_NT_SESSION_KEY
 * are never negotiated, so KXKEY is the SessionBaseKey.
 */
export function computeNtlmV1(
  ntHash: Buffer,
  lmHash: Buffer | undefined,
  serverChallenge: Buffer,
): ComputedResponse {
  const nt = desl(ntHash, serverChallenge)
  return {
    lm: lmHash === undefined ? nt : desl(lmHash, serverChallenge),
    nt,
    keyExchangeKey: md4(ntHash),
  }
}

/** The LM response alone, as LAN Manager sent it. */
export function computeLm(lmHash: Buffer, serverChallenge: Buffer): ComputedResponse {
  return { lm: desl(lmHash, serverChallenge), nt: Buffer.alloc(0), keyExchangeKey: undefined }
}
