import { des } from './des.ts'
import { md4 } from './md4.ts'
import { hmacMd5 } from './md5.ts'
import { upcase, upcaseAscii } from './upcase.ts'

/** The constant that LMOWFv1 encrypts. */
const LM_MAGIC = Buffer.from('KGS!@#$%', 'latin1')
const LM_PASSWORD_LENGTH = 14

/**
 * LMOWFv1 (MS-NLMP 3.3.1): DES of a constant under each half of the upper-cased password, 16 bytes. Undefined when
 * there is no such hash: for more than 14 characters, and for characters outside ASCII, whose bytes depend on an
 * unspecified code page.
 */
export function lmowfv1(password: string): Buffer | undefined {
  if (password.length > LM_PASSWORD_LENGTH || /[^\0-\x7f]/.test(password)) return undefined
  const key = Buffer.alloc(LM_PASSWORD_LENGTH)
  key.write(upcaseAscii(password), 'latin1')
  const hash = Buffer.concat([des(key.subarray(0, 7), LM_MAGIC), des(key.subarray(7), LM_MAGIC)])
  key.fill(0)
  return hash
}

/** NTOWFv1 (MS-NLMP 3.3.1), "the NT hash": MD4 of the password in UTF-16LE, 16 bytes. */
export function ntowfv1(password: string): Buffer {
  const bytes = Buffer.from(password, 'utf16le')
  const hash = md4(bytes)
  bytes.fill(0)
  return hash
}

/**
 * NTOWFv2 (MS-NLMP 3.3.2), which is also LMOWFv2: the user in upper case and the domain exactly as sent, in UTF-16LE,
 * under the NT hash, 16 bytes.
 */
export function ntowfv2(ntHash: Uint8Array, user: string, domain: string): Buffer {
  return hmacMd5(ntHash, Buffer.from(upcase(user) + domain, 'utf16le'))
}

/** The hash that cntlm writes as PassNTLMv2: NTOWFv2 for the domain in upper case. */
export function passNtlmV2(ntHash: Uint8Array, user: string, domain: string): Buffer {
  return ntowfv2(ntHash, user, upcaseAscii(domain))
}
