import { malformed } from './malformed.ts'
import { assertMessage, beginMessage, decodeName, encodeName } from './message-header.ts'
import { hasFlag, NegotiateFlags } from './negotiate-flags.ts'
import { FIELD_LENGTH, Payload, readField, sliceField } from './var-field.ts'
import { encodeVersion, readVersion, type Version } from './version.ts'

/** NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1), "Type 1". Its names are OEM text whatever the flags say. */
export interface NegotiateMessage {
  readonly flags: number
  readonly domain: string
  readonly workstation: string
  readonly version: Version | undefined
}

const HEADER_LENGTH = 40
/** What the oldest senders omit: the names, then the version. */
const FLAGS_END = 16
const NAMES_END = 32

/** Signature, type, flags, domain field, workstation field, version slot, payload. */
export function encodeNegotiate(message: NegotiateMessage): Buffer {
  const { flags, domain, workstation, version } = message
  const payload = new Payload(HEADER_LENGTH)
  // Windows leaves all 8 bytes of an absent name zero.
  const addName = (name: string): Buffer =>
    name === '' ? Buffer.alloc(FIELD_LENGTH) : payload.add(encodeName(name, false))
  return beginMessage(1)
    .u32(flags)
    .raw(addName(domain))
    .raw(addName(workstation))
    .raw(encodeVersion(hasFlag(flags, NegotiateFlags.VERSION) ? version : undefined))
    .raw(payload.finish())
    .finish()
}

function readName(message: Buffer, at: number, supplied: boolean): string {
  if (!supplied || message.length < NAMES_END) return ''
  const bytes = sliceField(message, readField(message, at), NAMES_END)
  if (bytes === undefined) throw malformed('field-bounds', at)
  return decodeName(bytes, false)
}

/** @throws ProxyError NTLM_MALFORMED */
export function parseNegotiate(message: Buffer): NegotiateMessage {
  assertMessage(message, 1, FLAGS_END)
  const flags = message.readUInt32LE(12)
  return {
    flags,
    domain: readName(message, 16, hasFlag(flags, NegotiateFlags.OEM_DOMAIN_SUPPLIED)),
    workstation: readName(message, 24, hasFlag(flags, NegotiateFlags.OEM_WORKSTATION_SUPPLIED)),
    version: hasFlag(flags, NegotiateFlags.VERSION) ? readVersion(message, 32) : undefined,
  }
}
