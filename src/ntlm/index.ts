export {
  credentialsFromHashes,
  credentialsFromPassword,
  type Dialect,
  type HashCredentials,
  type HashInput,
  type NtlmCredentials,
} from './credentials.ts'
export type { HashEncoding } from './hash-encoding.ts'
export { type InitiatorOptions, type InitiatorState, NtlmInitiator } from './initiator.ts'
export { packCredentials, type PackedCredentials, unpackCredentials } from './packed-credentials.ts'
export { md4 } from './md4.ts'
export { type Account, parseAccount } from './names.ts'
export { assertUsableOffer } from './negotiate-flags.ts'
export { lmowfv1, ntowfv1, passNtlmV2 } from './one-way-functions.ts'
export { decodeToken, encodeToken } from './token.ts'
export { isCaseAmbiguous, upcase } from './upcase.ts'
