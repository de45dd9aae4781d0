import { ByteReader, ByteWriter } from '../core/index.ts'
import { malformed } from './malformed.ts'

/** AV_PAIR identifiers (MS-NLMP 2.2.2.1). */
export const AvId = {
  MsvAvEOL: 0,
  MsvAvNbComputerName: 1,
  MsvAvNbDomainName: 2,
  MsvAvDnsComputerName: 3,
  MsvAvDnsDomainName: 4,
  MsvAvDnsTreeName: 5,
  MsvAvFlags: 6,
  MsvAvTimestamp: 7,
  MsvAvSingleHost: 8,
  MsvAvTargetName: 9,
  MsvAvChannelBindings: 10,
} as const

/** MsvAvFlags: the AUTHENTICATE_MESSAGE carries a MIC. */
export const AV_FLAG_MIC_PRESENT = 0x00000002

export interface AvPair {
  readonly id: number
  readonly value: Buffer
}

export interface AvPairList {
  /** In the order received, without MsvAvEOL. */
  readonly pairs: readonly AvPair[]
  /** Bytes behind MsvAvEOL. */
  readonly trailingBytes: number
}

const VALUE_LENGTHS = new Map<number, { length: number; reason: string }>([
  [AvId.MsvAvEOL, { length: 0, reason: 'av-eol-length' }],
  [AvId.MsvAvTimestamp, { length: 8, reason: 'av-timestamp-length' }],
  [AvId.MsvAvFlags, { length: 4, reason: 'av-flags-length' }],
])

/**
 * Reads u16 AvId, u16 AvLen, value ... up to MsvAvEOL. `base` is where the list starts in its
 * message, for the offsets in errors.
 *
 * @throws ProxyError NTLM_MALFORMED
 */
export function parseAvPairs(bytes: Buffer, base = 0): AvPairList {
  const reader = new ByteReader(bytes)
  const pairs: AvPair[] = []
  for (;;) {
    const at = base + reader.offset
    if (reader.remaining === 0) throw malformed('av-no-eol', at)
    if (reader.remaining < 4) throw malformed('av-truncated', at)
    const id = reader.u16()
    const length = reader.u16()
    if (length > reader.remaining) throw malformed('av-truncated', at)
    const law = VALUE_LENGTHS.get(id)
    if (law !== undefined && law.length !== length) throw malformed(law.reason, at)
    if (id === AvId.MsvAvEOL) return { pairs, trailingBytes: reader.remaining }
    pairs.push({ id, value: reader.take(length) })
  }
}

/** The pairs and MsvAvEOL. */
export function encodeAvPairs(pairs: readonly AvPair[]): Buffer {
  const writer = new ByteWriter()
  for (const { id, value } of pairs) writer.u16(id).u16(value.length).raw(value)
  return writer.u16(AvId.MsvAvEOL).u16(0).finish()
}

export function findAvPair(pairs: readonly AvPair[], id: number): Buffer | undefined {
  return pairs.find(pair => pair.id === id)?.value
}

/** The MS-NLMP name of an AvId, or its number if MS-NLMP does not define it. */
export function nameAvId(id: number): string {
  return Object.entries(AvId).find(([, known]) => known === id)?.[0] ?? `AvId ${id}`
}

export interface ClientPairs {
  /** Whether a MIC follows, which MsvAvFlags then states. */
  readonly mic: boolean
  /** 16 bytes: MD5 of the channel bindings, zero when there are none. */
  readonly channelBindings: Buffer
  /** The service principal name of the intended target. */
  readonly targetName: string | undefined
}

/**
 * The pairs of a client (MS-NLMP 3.1.5.1.2): those of the server, unchanged and in order because servers compare them,
 * then MsvAvFlags, MsvAvChannelBindings and MsvAvTargetName.
 */
export function withClientPairs(serverPairs: readonly AvPair[], client: ClientPairs): AvPair[] {
  const pairs = client.mic ? withMicFlag(serverPairs) : [...serverPairs]
  pairs.push({ id: AvId.MsvAvChannelBindings, value: client.channelBindings })
  if (client.targetName !== undefined) {
    pairs.push({ id: AvId.MsvAvTargetName, value: Buffer.from(client.targetName, 'utf16le') })
  }
  return pairs
}

function withMicFlag(pairs: readonly AvPair[]): AvPair[] {
  const sent = findAvPair(pairs, AvId.MsvAvFlags)
  const value = Buffer.alloc(4)
  value.writeUInt32LE(((sent?.readUInt32LE(0) ?? 0) | AV_FLAG_MIC_PRESENT) >>> 0)
  const flags = { id: AvId.MsvAvFlags, value }
  if (sent === undefined) return [...pairs, flags]
  return pairs.map(pair => (pair.id === AvId.MsvAvFlags ? flags : pair))
}
