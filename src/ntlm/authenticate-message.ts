import { malformed } from './malformed.ts'
import { assertMessage, beginMessage, decodeName, encodeName } from './message-header.ts'
import { hasFlag, NegotiateFlags } from './negotiate-flags.ts'
import { Payload, readField, sliceField, type VarField } from './var-field.ts'
import { encodeVersion, readVersion, type Version } from './version.ts'

/** The contents of an AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3), "Type 3". */
export interface AuthenticateFields {
  readonly flags: number
  readonly domain: string
  readonly user: string
  readonly workstation: string
  readonly lm: Buffer
  readonly nt: Buffer
  /** 16 bytes, or empty without KEY_EXCH. */
  readonly encryptedSessionKey: Buffer
  readonly version: Version | undefined
}

export interface AuthenticateMessage extends Omit<AuthenticateFields, 'flags'> {
  readonly raw: Buffer
  /** Undefined in the oldest form, which ends before the flags. */
  readonly flags: number | undefined
  /** 16 bytes, or undefined when the payload begins before the MIC slot. */
  readonly mic: Buffer | undefined
}

export const MIC_OFFSET = 72
export const MIC_LENGTH = 16
const HEADER_LENGTH = MIC_OFFSET + MIC_LENGTH

/**
 * Where earlier forms of the header end: after the names, the session key, the flags, the version.
 */
const NAMES_END = 52
const KEY_END = 60
const FLAGS_END = 64
const VERSION_END = 72

/**
 * Signature, type, fields of LM response, NT response, domain, user, workstation and session key,
 * flags, version slot, MIC slot (zero here), payload. The payload is in the order of Windows, which
 * keeps names 2-aligned. The slots are there even when unused: some servers look for the MIC at
 * offset 72 whatever the flags say.
 */
export function encodeAuthenticate(fields: AuthenticateFields): Buffer {
  const unicode = hasFlag(fields.flags, NegotiateFlags.UNICODE)
  const payload = new Payload(HEADER_LENGTH)
  const domain = payload.add(encodeName(fields.domain, unicode))
  const user = payload.add(encodeName(fields.user, unicode))
  const workstation = payload.add(encodeName(fields.workstation, unicode))
  const lm = payload.add(fields.lm)
  const nt = payload.add(fields.nt)
  const key = payload.add(fields.encryptedSessionKey)
  const writer = beginMessage(3)
  for (const field of [lm, nt, domain, user, workstation, key]) writer.raw(field)
  const hasVersion = hasFlag(fields.flags, NegotiateFlags.VERSION)
  return writer
    .u32(fields.flags)
    .raw(encodeVersion(hasVersion ? fields.version : undefined))
    .raw(Buffer.alloc(MIC_LENGTH))
    .raw(payload.finish())
    .finish()
}

/** The end of the fixed part, which only the lowest offset of a value reveals. */
function findHeaderEnd(message: Buffer, fields: readonly VarField[]): number {
  const offsets = fields.filter(field => field.length > 0).map(field => field.offset)
  return Math.min(message.length, ...offsets)
}

/**
 * Reads all forms that clients send: headers of 52, 64, 72 and 88 bytes.
 *
 * @throws ProxyError NTLM_MALFORMED
 */
export function parseAuthenticate(message: Buffer): AuthenticateMessage {
  assertMessage(message, 3, NAMES_END)
  const fields = [12, 20, 28, 36, 44].map(at => readField(message, at))
  const end = findHeaderEnd(message, fields)
  const flags = end >= FLAGS_END ? message.readUInt32LE(KEY_END) : undefined
  const read = (at: number): Buffer => {
    const bytes = sliceField(message, readField(message, at), NAMES_END)
    if (bytes === undefined) throw malformed('field-bounds', at)
    return bytes
  }
  const unicode = flags !== undefined && hasFlag(flags, NegotiateFlags.UNICODE)
  const readName = (at: number): string => {
    const bytes = read(at)
    if (unicode && bytes.length % 2 !== 0) throw malformed('name-odd-length', at)
    return decodeName(bytes, unicode)
  }
  const hasVersion = flags !== undefined && hasFlag(flags, NegotiateFlags.VERSION)
  return {
    raw: message,
    flags,
    lm: read(12),
    nt: read(20),
    domain: readName(28),
    user: readName(36),
    workstation: readName(44),
    encryptedSessionKey: end >= KEY_END ? read(NAMES_END) : Buffer.alloc(0),
    version: hasVersion && end >= VERSION_END ? readVersion(message, FLAGS_END) : undefined,
    mic: end >= HEADER_LENGTH ? message.subarray(MIC_OFFSET, HEADER_LENGTH) : undefined,
  }
}
