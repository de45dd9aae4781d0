import type { Secret } from '../core/index.ts'
import {
  type AccountNames,
  createCredentials,
  type Dialect,
  type NtlmCredentials,
} from './credentials.ts'

/** Credentials for another process of this program, with hexadecimal hashes, which are as good as the password. */
export interface PackedCredentials extends AccountNames {
  readonly dialect: Dialect
  readonly ntHash: string | undefined
  readonly lmHash: string | undefined
  readonly ntowfV2: string | undefined
}

export function packCredentials(credentials: NtlmCredentials): PackedCredentials {
  const { dialect, domain, lmHash, ntHash, ntowfV2, user, workstation } = credentials
  const reveal = (hash: Secret<Buffer> | undefined): string | undefined =>
    hash?.reveal().toString('hex')
  return {
    user,
    domain,
    workstation,
    dialect,
    ntHash: reveal(ntHash),
    lmHash: reveal(lmHash),
    ntowfV2: reveal(ntowfV2),
  }
}

/** The fingerprint differs from the one in the process that packed them. */
export function unpackCredentials(packed: PackedCredentials): NtlmCredentials {
  const { dialect, lmHash, ntHash, ntowfV2 } = packed
  return createCredentials(packed, dialect, {
    ...(ntHash === undefined ? {} : { ntHash: Buffer.from(ntHash, 'hex') }),
    ...(lmHash === undefined ? {} : { lmHash: Buffer.from(lmHash, 'hex') }),
    ...(ntowfV2 === undefined ? {} : { ntowfV2: Buffer.from(ntowfV2, 'hex') }),
  })
}
