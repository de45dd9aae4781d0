import { ByteWriter, ProxyError } from '../core/index.ts'

/**
 * The server's own view of the NTLM messages (MS-NLMP section 2.2). It shares nothing with the client's codec,
 * so that the demo and the tests judge the client by a second reading of the specification.
 */

/** NegotiateFlags (MS-NLMP section 2.2.2.5), those that an acceptor looks at. */
export const Flag = {
  UNICODE: 0x00000001,
  OEM: 0x00000002,
  REQUEST_TARGET: 0x00000004,
  SIGN: 0x00000010,
  SEAL: 0x00000020,
  NTLM: 0x00000200,
  ALWAYS_SIGN: 0x00008000,
  TARGET_TYPE_DOMAIN: 0x00010000,
  EXTENDED_SESSIONSECURITY: 0x00080000,
  TARGET_INFO: 0x00800000,
  VERSION: 0x02000000,
  KEY_128: 0x20000000,
  KEY_EXCH: 0x40000000,
  KEY_56: 0x80000000,
} as const

/** AvId values (MS-NLMP section 2.2.2.1). */
export const AvId = {
  EOL: 0,
  NB_COMPUTER: 1,
  NB_DOMAIN: 2,
  DNS_COMPUTER: 3,
  DNS_DOMAIN: 4,
  DNS_TREE: 5,
  FLAGS: 6,
  TIMESTAMP: 7,
  TARGET_NAME: 9,
  CHANNEL_BINDINGS: 10,
} as const

export interface AvPair {
  readonly id: number
  readonly value: Buffer
}

/** What an AUTHENTICATE_MESSAGE says. `mic` is undefined when the header has no room for one. */
export interface Authenticate {
  readonly flags: number | undefined
  readonly lm: Buffer
  readonly nt: Buffer
  readonly domain: string
  readonly user: string
  readonly workstation: string
  readonly sessionKey: Buffer
  readonly mic: Buffer | undefined
}

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1')

/** Where the 16 bytes of the MIC stand in an AUTHENTICATE_MESSAGE whose header has them. */
export const MIC_OFFSET = 72

export function malformed(detail: string): ProxyError {
  return new ProxyError('NTLM_MALFORMED', { detail })
}

/** The MessageType of a token, or undefined when it is no NTLM message at all. */
export function messageType(token: Buffer): number | undefined {
  const signed = token.length >= 12 && token.subarray(0, 8).equals(SIGNATURE)
  return signed ? token.readUInt32LE(8) : undefined
}

/** NegotiateFlags of a NEGOTIATE_MESSAGE. Senders use headers of 16, 32 and 40 bytes. Throws NTLM_MALFORMED. */
export function readOfferedFlags(negotiate: Buffer): number {
  if (messageType(negotiate) !== 1) throw malformed('not a NEGOTIATE message')
  if (negotiate.length < 16) throw malformed('the NEGOTIATE message ends before its flags')
  return negotiate.readUInt32LE(12)
}

/** Reads an AUTHENTICATE_MESSAGE with a header of 52, 64, 72 or 88 bytes. Throws NTLM_MALFORMED. */
export function readAuthenticate(message: Buffer): Authenticate {
  if (messageType(message) !== 3) throw malformed('not an AUTHENTICATE message')
  if (message.length < 52) throw malformed('the AUTHENTICATE message is shorter than its header')
  const headerEnd = payloadStart(message, [12, 20, 28, 36, 44])
  // The session key field and the flags exist only when no payload stands in their place.
  const isLong = headerEnd >= 64
  const flags = isLong ? message.readUInt32LE(60) : undefined
  const encoding = ((flags ?? 0) & Flag.UNICODE) !== 0 ? 'utf16le' : 'latin1'
  const hasMic = isLong && payloadStart(message, [12, 20, 28, 36, 44, 52]) >= MIC_OFFSET + 16
  return {
    flags,
    lm: readField(message, 12),
    nt: readField(message, 20),
    domain: readText(readField(message, 28), encoding),
    user: readText(readField(message, 36), encoding),
    workstation: readText(readField(message, 44), encoding),
    sessionKey: isLong ? readField(message, 52) : Buffer.alloc(0),
    mic: hasMic ? message.subarray(MIC_OFFSET, MIC_OFFSET + 16) : undefined,
  }
}

/** The lowest payload offset of the fields that are not empty: there the header has ended. */
function payloadStart(message: Buffer, fields: readonly number[]): number {
  const used = fields.filter(at => message.readUInt16LE(at) > 0)
  return Math.min(message.length, ...used.map(at => message.readUInt32LE(at + 4)))
}

function readField(message: Buffer, at: number): Buffer {
  const length = message.readUInt16LE(at)
  if (length === 0) return Buffer.alloc(0)
  const offset = message.readUInt32LE(at + 4)
  if (offset < 52 || offset > message.length || length > message.length - offset) {
    throw malformed(`the field at ${at} points outside the payload`)
  }
  return message.subarray(offset, offset + length)
}

function readText(bytes: Buffer, encoding: 'utf16le' | 'latin1'): string {
  if (encoding === 'utf16le' && bytes.length % 2 !== 0) {
    throw malformed('a Unicode name has an odd number of bytes')
  }
  return bytes.toString(encoding)
}

/** AV_PAIRs up to MsvAvEOL; what follows is ignored. Throws NTLM_MALFORMED when the list does not end. */
export function readAvPairs(bytes: Buffer): AvPair[] {
  const pairs: AvPair[] = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const id = bytes.readUInt16LE(at)
    const length = bytes.readUInt16LE(at + 2)
    if (id === AvId.EOL) return pairs
    if (at + 4 + length > bytes.length) break
    pairs.push({ id, value: bytes.subarray(at + 4, at + 4 + length) })
    at += 4 + length
  }
  throw malformed('the AV pairs have no end')
}

export function findAv(pairs: readonly AvPair[], id: number): Buffer | undefined {
  return pairs.find(pair => pair.id === id)?.value
}

/** The AV pairs with their MsvAvEOL. */
export function writeAvPairs(pairs: readonly AvPair[]): Buffer {
  const writer = new ByteWriter()
  for (const { id, value } of pairs) writer.u16(id).u16(value.length).raw(value)
  return writer.u16(AvId.EOL).u16(0).finish()
}

export interface Challenge {
  readonly flags: number
  readonly serverChallenge: Buffer
  readonly targetName: string
  /** Absent: a header of 32 bytes without TargetInfo and Version, as servers of the nineties sent. */
  readonly targetInfo: Buffer | undefined
}

const VERSION = Buffer.from('0a0063450000000f', 'hex')

/** A CHALLENGE_MESSAGE: header of 56 or 32 bytes, then TargetName, then TargetInfo. */
export function writeChallenge(challenge: Challenge): Buffer {
  const { flags, serverChallenge, targetInfo } = challenge
  const unicode = (flags & Flag.UNICODE) !== 0
  const name = Buffer.from(challenge.targetName, unicode ? 'utf16le' : 'latin1')
  const headerLength = targetInfo === undefined ? 32 : 56
  const writer = new ByteWriter().raw(SIGNATURE).u32(2)
  writer.u16(name.length).u16(name.length).u32(headerLength)
  writer.u32(flags).raw(serverChallenge)
  if (targetInfo !== undefined) {
    const infoOffset = targetInfo.length === 0 ? 0 : headerLength + name.length
    writer.raw(Buffer.alloc(8)).u16(targetInfo.length).u16(targetInfo.length).u32(infoOffset)
    writer.raw((flags & Flag.VERSION) !== 0 ? VERSION : Buffer.alloc(8))
  }
  return writer
    .raw(name)
    .raw(targetInfo ?? Buffer.alloc(0))
    .finish()
}

/** What a sent CHALLENGE_MESSAGE said, read back from its bytes. Throws NTLM_MALFORMED. */
export function readChallenge(message: Buffer): Omit<Challenge, 'targetName'> {
  if (messageType(message) !== 2 || message.length < 32) throw malformed('not a CHALLENGE message')
  const flags = message.readUInt32LE(20)
  const hasInfo = (flags & Flag.TARGET_INFO) !== 0 && message.length >= 48
  return {
    flags,
    serverChallenge: message.subarray(24, 32),
    targetInfo: hasInfo ? readChallengeInfo(message) : undefined,
  }
}

function readChallengeInfo(message: Buffer): Buffer {
  const length = message.readUInt16LE(40)
  const offset = message.readUInt32LE(44)
  if (offset > message.length || length > message.length - offset) {
    throw malformed('TargetInfo points outside the message')
  }
  return message.subarray(offset, offset + length)
}
