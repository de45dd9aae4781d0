import { createHmac } from 'node:crypto'

import { ProxyError, Secret, systemEntropy } from '../core/index.ts'
import {
  decodeHash,
  detectHashEncoding,
  type HashEncoding,
  type StoredHashes,
} from './hash-encoding.ts'
import { lmowfv1, ntowfv1, ntowfv2 } from './one-way-functions.ts'
import { upcaseAscii } from './upcase.ts'

/** The dialects for answering a challenge, named as in cntlm's directive Auth. NTLM means NT and LM together. */
export type Dialect = 'NTLMv2' | 'NTLM2SR' | 'NTLM' | 'NT' | 'LM'

export interface AccountNames {
  readonly user: string
  /** Exactly as sent and hashed. */
  readonly domain: string
  readonly workstation: string
}

/** An account and one way to prove it. Only the hashes that the dialect needs are kept. */
export interface NtlmCredentials extends AccountNames {
  readonly dialect: Dialect
  readonly ntHash: Secret<Buffer> | undefined
  readonly lmHash: Secret<Buffer> | undefined
  readonly ntowfV2: Secret<Buffer> | undefined
  /** Identifies the credentials within this process and reveals nothing about them. */
  readonly fingerprint: string
}

interface Hashes {
  readonly ntHash?: Buffer
  readonly lmHash?: Buffer
  readonly ntowfV2?: Buffer
}

const MAX_USER_UNITS = 104
const MAX_NAME_UNITS = 255
const MAX_PASSWORD_UNITS = 256
const HASH_LENGTH = 16

const FINGERPRINT_KEY = systemEntropy.bytes(32)

function configError(detail: string): ProxyError {
  return new ProxyError('CONFIG', { detail })
}

/** Rejects text that is too long or cannot be written in UTF-16. The error does not show the text, as it may be the password. */
function assertText(directive: string, text: string, maxUnits: number): void {
  if (text.length > maxUnits) {
    throw configError(`${directive} is ${text.length} characters long, ${maxUnits} are allowed`)
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw configError(`${directive} contains half a character: check the encoding of the file`)
  }
}

function assertNames({ user, domain, workstation }: AccountNames): void {
  if (user === '') throw configError('Username is empty')
  assertText('Username', user, MAX_USER_UNITS)
  assertText('Domain', domain, MAX_NAME_UNITS)
  assertText('Workstation', workstation, MAX_NAME_UNITS)
}

function toSecret(hash: Buffer | undefined): Secret<Buffer> | undefined {
  return hash === undefined ? undefined : new Secret(hash)
}

export function createCredentials(
  names: AccountNames,
  dialect: Dialect,
  hashes: Hashes,
): NtlmCredentials {
  const { user, domain, workstation } = names
  const { ntHash, lmHash, ntowfV2 } = hashes
  const identity = createHmac('sha256', FINGERPRINT_KEY)
  identity.update(JSON.stringify([user, domain, dialect]))
  for (const hash of [ntHash, lmHash, ntowfV2]) identity.update(hash ?? Buffer.alloc(HASH_LENGTH))
  return {
    user,
    domain,
    workstation,
    dialect,
    ntHash: toSecret(ntHash),
    lmHash: toSecret(lmHash),
    ntowfV2: toSecret(ntowfV2),
    fingerprint: identity.digest('hex'),
  }
}

function hashPasswordForLm(password: string): Buffer {
  const hash = lmowfv1(password)
  if (hash !== undefined) return hash
  throw configError(
    'Auth LM needs an LM hash, and Password has none, being longer than 14 characters or not ASCII: use Auth NTLMv2',
  )
}

function hashPassword(names: AccountNames, dialect: Dialect, password: string): Hashes {
  switch (dialect) {
    case 'NTLMv2': {
      const ntHash = ntowfv1(password)
      const ntowfV2 = ntowfv2(ntHash, names.user, names.domain)
      ntHash.fill(0)
      return { ntowfV2 }
    }
    case 'NTLM2SR':
    case 'NT':
      return { ntHash: ntowfv1(password) }
    case 'NTLM': {
      const lmHash = lmowfv1(password)
      return { ...(lmHash === undefined ? {} : { lmHash }), ntHash: ntowfv1(password) }
    }
    case 'LM':
      return { lmHash: hashPasswordForLm(password) }
  }
}

/**
 * A password without an LM hash makes Auth NTLM send the NT response alone, in both fields (MS-NLMP 3.3.1).
 *
 * @throws ProxyError CONFIG for names or a password that cannot be sent, and for a password without
 * an LM hash where the dialect is LM
 */
export function credentialsFromPassword(
  input: AccountNames & { readonly password: Secret<string>; readonly dialect: Dialect },
): NtlmCredentials {
  assertNames(input)
  const password = input.password.reveal()
  assertText('Password', password, MAX_PASSWORD_UNITS)
  return createCredentials(input, input.dialect, hashPassword(input, input.dialect, password))
}

/** PassNT, PassLM and PassNTLMv2 as in the file, 16 bytes each. */
export interface HashInput extends AccountNames {
  readonly dialect: Dialect
  readonly passNt?: Secret<Buffer> | undefined
  readonly passLm?: Secret<Buffer> | undefined
  readonly passNtlmV2?: Secret<Buffer> | undefined
  readonly encoding: HashEncoding | 'auto'
}

export interface HashCredentials {
  readonly credentials: NtlmCredentials
  readonly encodingUsed: HashEncoding
  /** The same hashes read as plain. Set when `auto` found no evidence, so that `credentials` uses the inverted encoding of cntlm 0.92. */
  readonly alternative: NtlmCredentials | undefined
}

function revealHash(directive: string, secret: Secret<Buffer> | undefined): Buffer | undefined {
  const hash = secret?.reveal()
  if (hash !== undefined && hash.length !== HASH_LENGTH) {
    throw configError(`${directive} has ${hash.length} bytes, a hash has ${HASH_LENGTH}`)
  }
  return hash
}

function pickV2Hash(
  names: AccountNames,
  stored: StoredHashes,
  encoding: HashEncoding,
): { names: AccountNames; hashes: Hashes } {
  // PassNTLMv2 before PassNT, as with cntlm; its domain was hashed in upper case.
  if (stored.ntlmV2 !== undefined) {
    const upper = { ...names, domain: upcaseAscii(names.domain) }
    return { names: upper, hashes: { ntowfV2: decodeHash(stored.ntlmV2, encoding) } }
  }
  if (stored.nt === undefined) throw configError('Auth NTLMv2 needs PassNTLMv2, PassNT or Password')
  const ntHash = decodeHash(stored.nt, encoding)
  const ntowfV2 = ntowfv2(ntHash, names.user, names.domain)
  ntHash.fill(0)
  return { names, hashes: { ntowfV2 } }
}

function pickV1Hashes(
  dialect: Exclude<Dialect, 'NTLMv2'>,
  stored: StoredHashes,
  encoding: HashEncoding,
): Hashes {
  const need = (directive: string, hash: Buffer | undefined): Buffer => {
    if (hash !== undefined) return decodeHash(hash, encoding)
    const other = stored.ntlmV2 === undefined ? '' : '; PassNTLMv2 serves Auth NTLMv2 only'
    throw configError(`Auth ${dialect} needs ${directive} or Password${other}`)
  }
  return {
    ...(dialect === 'LM' ? {} : { ntHash: need('PassNT', stored.nt) }),
    ...(dialect === 'LM' || dialect === 'NTLM' ? { lmHash: need('PassLM', stored.lm) } : {}),
  }
}

/**
 * A credential from the hashes of a cntlm.conf. PassNT serves NTLMv2, NTLM2SR and NT;
 * PassNTLMv2 serves NTLMv2 only, with the domain in upper case, as it was hashed.
 *
 * @throws ProxyError CONFIG for names that cannot be sent and for a dialect whose hash is missing
 */
export function credentialsFromHashes(input: HashInput): HashCredentials {
  assertNames(input)
  const stored = {
    nt: revealHash('PassNT', input.passNt),
    lm: revealHash('PassLM', input.passLm),
    ntlmV2: revealHash('PassNTLMv2', input.passNtlmV2),
  }
  const known =
    input.encoding === 'auto'
      ? detectHashEncoding(stored, input.user, input.domain)
      : input.encoding
  const readAs = (encoding: HashEncoding): NtlmCredentials => {
    const { names, hashes } =
      input.dialect === 'NTLMv2'
        ? pickV2Hash(input, stored, encoding)
        : { names: input, hashes: pickV1Hashes(input.dialect, stored, encoding) }
    return createCredentials(names, input.dialect, hashes)
  }
  const encodingUsed = known ?? 'inverted'
  return {
    credentials: readAs(encodingUsed),
    encodingUsed,
    alternative: known === undefined ? readAs('plain') : undefined,
  }
}
