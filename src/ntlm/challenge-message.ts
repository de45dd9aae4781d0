import { AvId, type AvPair, encodeAvPairs, nameAvId, parseAvPairs } from './av-pairs.ts'
import { malformed } from './malformed.ts'
import { assertMessage, beginMessage, decodeName, encodeName } from './message-header.ts'
import { describeFlags, hasFlag, NegotiateFlags } from './negotiate-flags.ts'
import { FIELD_LENGTH, Payload, readField, sliceField } from './var-field.ts'
import { encodeVersion, readVersion, type Version } from './version.ts'

/** Harmless defects of a challenge. */
export type ChallengeNote = 'target-name-dropped' | 'bytes-after-eol-ignored'

/** CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2), "Type 2". */
export interface ChallengeMessage {
  /** Exactly as received, including trailing bytes: the MIC covers all of it. */
  readonly raw: Buffer
  readonly flags: number
  /** 8 bytes. */
  readonly serverChallenge: Buffer
  /** For display only; nothing is computed from it. */
  readonly targetName: string | undefined
  /** Undefined without the flag TARGET_INFO. */
  readonly avPairs: readonly AvPair[] | undefined
  readonly version: Version | undefined
  readonly notes: readonly ChallengeNote[]
}

/** Where the oldest challenges end: they have no target information. */
const SHORT_HEADER_LENGTH = 32
const TARGET_INFO_END = 48
const HEADER_LENGTH = 56

/** Pairs that only a client may send. Accepting them from a server would let it speak for us. */
const CLIENT_ONLY: readonly number[] = [AvId.MsvAvTargetName, AvId.MsvAvChannelBindings]

function assertServerPairs(pairs: readonly AvPair[], offset: number): void {
  const seen = new Set<number>()
  for (const { id } of pairs) {
    if (CLIENT_ONLY.includes(id)) throw malformed('av-client-only', offset)
    if (seen.has(id)) throw malformed('av-duplicate', offset)
    seen.add(id)
  }
}

function readTargetName(message: Buffer, unicode: boolean): string | undefined {
  const bytes = sliceField(message, readField(message, 12), SHORT_HEADER_LENGTH)
  if (bytes === undefined || (unicode && bytes.length % 2 !== 0)) return undefined
  return decodeName(bytes, unicode)
}

function readTargetInfo(message: Buffer, notes: ChallengeNote[]): readonly AvPair[] {
  if (message.length < TARGET_INFO_END) throw malformed('target-info-missing', message.length)
  const field = readField(message, 40)
  const bytes = sliceField(message, field, TARGET_INFO_END)
  if (bytes === undefined) throw malformed('target-info-bounds', 40)
  if (bytes.length === 0) return []
  const { pairs, trailingBytes } = parseAvPairs(bytes, field.offset)
  assertServerPairs(pairs, field.offset)
  if (trailingBytes > 0) notes.push('bytes-after-eol-ignored')
  return pairs
}

/**
 * Strict where a mistake could change what we compute or send, lax where real servers are careless.
 *
 * @throws ProxyError NTLM_MALFORMED
 */
export function parseChallenge(message: Buffer): ChallengeMessage {
  assertMessage(message, 2, SHORT_HEADER_LENGTH)
  const flags = message.readUInt32LE(20)
  const unicode = hasFlag(flags, NegotiateFlags.UNICODE)
  if (!unicode && !hasFlag(flags, NegotiateFlags.OEM)) throw malformed('no-charset', 20)
  const notes: ChallengeNote[] = []
  const targetName = readTargetName(message, unicode)
  if (targetName === undefined) notes.push('target-name-dropped')
  const hasTargetInfo = hasFlag(flags, NegotiateFlags.TARGET_INFO)
  return {
    raw: message,
    flags,
    serverChallenge: message.subarray(24, 32),
    targetName,
    avPairs: hasTargetInfo ? readTargetInfo(message, notes) : undefined,
    version: hasFlag(flags, NegotiateFlags.VERSION)
      ? readVersion(message, TARGET_INFO_END)
      : undefined,
    notes,
  }
}

export interface ChallengeFields {
  readonly flags: number
  readonly serverChallenge: Buffer
  readonly targetName: string
  readonly avPairs: readonly AvPair[] | undefined
  readonly version: Version | undefined
}

/**
 * Signature, type, target name field, flags, server challenge, 8 reserved bytes, target information
 * field, version slot, payload.
 */
export function encodeChallenge(fields: ChallengeFields): Buffer {
  const payload = new Payload(HEADER_LENGTH)
  const name = encodeName(fields.targetName, hasFlag(fields.flags, NegotiateFlags.UNICODE))
  const nameField = payload.add(name)
  const infoField =
    fields.avPairs === undefined
      ? Buffer.alloc(FIELD_LENGTH)
      : payload.add(encodeAvPairs(fields.avPairs))
  return beginMessage(2)
    .raw(nameField)
    .u32(fields.flags)
    .raw(fields.serverChallenge)
    .raw(Buffer.alloc(8))
    .raw(infoField)
    .raw(encodeVersion(fields.version))
    .raw(payload.finish())
    .finish()
}

export interface ChallengeDescription {
  readonly flags: readonly string[]
  readonly targetName: string | undefined
  readonly avPairs: readonly { readonly name: string; readonly length: number }[]
  readonly notes: readonly ChallengeNote[]
}

/**
 * Describes a challenge for a trace: names and lengths, no bytes that would help to attack the response.
 *
 * @throws ProxyError NTLM_MALFORMED
 */
export function describeChallenge(message: Buffer): ChallengeDescription {
  const { flags, targetName, avPairs, notes } = parseChallenge(message)
  return {
    flags: describeFlags(flags),
    targetName,
    avPairs: (avPairs ?? []).map(({ id, value }) => ({ name: nameAvId(id), length: value.length })),
    notes,
  }
}
