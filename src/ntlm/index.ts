export {
  type AuthenticateFields,
  type AuthenticateMessage,
  encodeAuthenticate,
  MIC_LENGTH,
  MIC_OFFSET,
  parseAuthenticate,
} from './authenticate-message.ts'
export {
  AV_FLAG_MIC_PRESENT,
  AvId,
  type AvPair,
  encodeAvPairs,
  findAvPair,
  nameAvId,
  parseAvPairs,
} from './av-pairs.ts'
export {
  type ChallengeDescription,
  type ChallengeFields,
  type ChallengeMessage,
  describeChallenge,
  encodeChallenge,
  parseChallenge,
} from './challenge-message.ts'
export { channelBindingsHash, tlsServerEndPoint } from './channel-bindings.ts'
export {
  credentialsFromHashes,
  credentialsFromPassword,
  type Dialect,
  type HashCredentials,
  type HashInput,
  type NtlmCredentials,
} from './credentials.ts'
export { filetimeFromUnixMs, unixMsFromFiletime } from './filetime.ts'
export type { HashEncoding } from './hash-encoding.ts'
export { type InitiatorOptions, type InitiatorState, NtlmInitiator } from './initiator.ts'
export { md4 } from './md4.ts'
export { type Account, parseAccount } from './names.ts'
export {
  assertUsableOffer,
  describeFlags,
  hasFlag,
  NegotiateFlags,
  OFFER_HTTP_DEFAULT,
  OFFER_NTLM_V1,
} from './negotiate-flags.ts'
export { encodeNegotiate, type NegotiateMessage, parseNegotiate } from './negotiate-message.ts'
export { lmowfv1, ntowfv1, ntowfv2, passNtlmV2 } from './one-way-functions.ts'
export { decodeToken, encodeToken } from './token.ts'
export { isCaseAmbiguous, upcase } from './upcase.ts'
export { OWN_VERSION, type Version } from './version.ts'
