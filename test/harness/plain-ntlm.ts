import { createHmac } from 'node:crypto'
import { md4 } from '../../src/ntlm/index.ts'

/** The least an NTLMv2 client can say: no MIC, ASCII names, an LM field of zeros. */

export const NEGOTIATE = Buffer.from(
  '4e544c4d5353500001000000078208a2000000000000000000000000000000000a00614a0000000f',
  'hex',
).toString('base64')

export interface PlainAnswer {
  readonly user: string
  readonly domain: string
  readonly password: string
  /** What goes into the hash instead of the user name in upper case. */
  readonly hashedUser?: string
  /** The LM field instead of 24 zero bytes. */
  readonly lm?: Buffer
  /** Default UNICODE, NTLM, ALWAYS_SIGN and EXTENDED_SESSIONSECURITY. */
  readonly flags?: number
  /** What to send back instead of the TargetInfo of the challenge. */
  readonly alterTargetInfo?: (info: Buffer) => Buffer
}

/** Answers a base64 CHALLENGE with a base64 AUTHENTICATE. */
export function answerChallenge(token: string, answer: PlainAnswer): string {
  const { user, domain, password, hashedUser = user.toUpperCase() } = answer
  const challenge = Buffer.from(token, 'base64')
  const infoAt = challenge.readUInt32LE(44)
  const received = challenge.subarray(infoAt, infoAt + challenge.readUInt16LE(40))
  const info = answer.alterTargetInfo?.(received) ?? received
  const blob = Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(26), info])
  const hash = hmac(md4(utf16(password)), utf16(hashedUser + domain))
  const proof = hmac(hash, challenge.subarray(24, 32), blob)
  const fields = [
    answer.lm ?? Buffer.alloc(24),
    Buffer.concat([proof, blob]),
    utf16(domain),
    utf16(user),
    utf16('TEST'),
    Buffer.alloc(0),
  ]
  const header = Buffer.alloc(64)
  header.write('NTLMSSP\0\x03', 'latin1')
  header.writeUInt32LE(answer.flags ?? 0x00088201, 60)
  let offset = header.length
  fields.forEach((bytes, index) => {
    header.writeUInt16LE(bytes.length, 12 + 8 * index)
    header.writeUInt16LE(bytes.length, 14 + 8 * index)
    header.writeUInt32LE(offset, 16 + 8 * index)
    offset += bytes.length
  })
  return Buffer.concat([header, ...fields]).toString('base64')
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le')
}

function hmac(key: Buffer, ...parts: Buffer[]): Buffer {
  return createHmac('md5', key).update(Buffer.concat(parts)).digest()
}
