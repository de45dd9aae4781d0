import { createCipheriv, createHash, createHmac } from 'node:crypto'
import { md4, upcase } from '../ntlm/index.ts'

/**
 * The responses a client should have sent, computed the server's way (MS-NLMP section 3.3).
 * Of the client's code only MD4 and the Windows upper-case table are used: both are pinned by published vectors.
 */

export function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le')
}

export function hmacMd5(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hmac = createHmac('md5', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

export function ntHash(password: string): Buffer {
  return md4(utf16(password))
}

/** NTOWFv2. The user name is upper-cased by the Windows table, the domain goes in as the client sent it. */
export function ntlmV2Hash(password: string, user: string, domain: string): Buffer {
  return hmacMd5(ntHash(password), utf16(upcase(user) + domain))
}

/** LMOWFv1, or undefined for a password that has none (over 14 characters or beyond ASCII). */
export function lmHash(password: string): Buffer | undefined {
  if (password.length > 14 || /[^\x20-\x7e]/.test(password)) return undefined
  const padded = Buffer.alloc(14)
  padded.write(password.toUpperCase(), 'latin1')
  const magic = Buffer.from('KGS!@#$%', 'latin1')
  return Buffer.concat([des(padded.subarray(0, 7), magic), des(padded.subarray(7), magic)])
}

/** The NTLM2 session response: the NTLMv1 response to a challenge mixed with the client's own. */
export function ntlm2SessionResponse(
  hash: Buffer,
  challenge: Buffer,
  clientChallenge: Buffer,
): Buffer {
  const mixed = createHash('md5').update(challenge).update(clientChallenge).digest()
  return desLong(hash, mixed.subarray(0, 8))
}

/** DESL: the challenge under the three keys cut from a 16-byte hash; the NTLMv1 and LM responses. */
export function desLong(hash: Buffer, challenge: Buffer): Buffer {
  const keys = Buffer.concat([hash, Buffer.alloc(5)])
  return Buffer.concat([0, 7, 14].map(at => des(keys.subarray(at, at + 7), challenge)))
}

/** One DES block. OpenSSL 3 no longer offers single DES, triple DES with three equal keys is the same. */
function des(key7: Buffer, block: Buffer): Buffer {
  const bits = BigInt(`0x${key7.toString('hex')}`)
  const shifts = [49n, 42n, 35n, 28n, 21n, 14n, 7n, 0n]
  const key8 = Buffer.from(shifts.map(shift => Number((bits >> shift) & 0x7fn) << 1))
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key8, key8, key8]), null)
  return cipher.setAutoPadding(false).update(block)
}

/** RC4 of a short text, for EncryptedRandomSessionKey alone. */
export function rc4(key: Buffer, text: Buffer): Buffer {
  const state = Uint8Array.from({ length: 256 }, (_, i) => i)
  const at = (i: number) => state[i & 0xff] ?? 0
  const swap = (i: number, j: number) => {
    const kept = at(i)
    state[i] = at(j)
    state[j] = kept
  }
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + at(i) + (key[i % key.length] ?? 0)) & 0xff
    swap(i, j)
  }
  let j = 0
  const output = text.map((byte, index) => {
    const i = (index + 1) & 0xff
    j = (j + at(i)) & 0xff
    swap(i, j)
    return byte ^ at(at(i) + at(j))
  })
  return Buffer.from(output)
}
