import { type FaultName, FAULTS, faultRow, STREAMS } from './faults.ts'
import type { Random } from './random.ts'

export const KINDS = [
  'connect',
  'socks5',
  'websocket',
  'tls',
  'plain-length',
  'plain-chunked',
  'plain-close',
] as const

export type Kind = (typeof KINDS)[number]

/** One transfer as it was meant: the judge compares with it what the client and the origin saw. */
export interface Plan {
  readonly id: number
  readonly kind: Kind
  /** Over an upstream, or directly to the origin. */
  readonly route: 'upstream' | 'direct'
  readonly fault: FaultName | undefined
  readonly upload: number
  readonly download: number
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly version: '1.0' | '1.1'
  readonly uploadFraming: 'length' | 'chunked'
  readonly expectContinue: boolean
  readonly keepAlive: boolean
  /** Where within head or body the fault happens, from 0 to 1. */
  readonly cut: number
}

const MEAN_MAXIMA = [100, 2_000, 70_000, 300_000] as const

export function planTransfer(id: number, random: Random): Plan {
  const fault = random.chance(0.4) ? undefined : random.pick(Object.keys(FAULTS) as FaultName[])
  const needs = fault === undefined ? {} : faultRow(fault)
  const kind = random.pick(needs.kinds ?? KINDS)
  const size = (): number =>
    needs.slow === true
      ? random.between(2, 300)
      : random.chance(0.01)
        ? random.between(1_000_000, 4_000_000)
        : random.between(2, random.pick(MEAN_MAXIMA))
  const upload = needs.upload === true || random.chance(0.4) ? size() : 0
  const isStream = isStreamKind(kind)
  // In HTTP/1.0 an upload has a length and nobody is asked to continue.
  const version = !isStream && random.chance(0.2) ? '1.0' : '1.1'
  return {
    id,
    kind,
    route: needs.upstream === true || random.chance(0.75) ? 'upstream' : 'direct',
    fault,
    upload,
    download: size(),
    method: upload === 0 ? 'GET' : random.pick(['POST', 'PUT']),
    version,
    uploadFraming: version === '1.1' && random.chance(0.4) ? 'chunked' : 'length',
    expectContinue: version === '1.1' && !isStream && upload > 0 && random.chance(0.2),
    keepAlive: version === '1.1' && random.chance(0.6),
    cut: random.next(),
  }
}

export function isStreamKind(kind: Kind): boolean {
  return (STREAMS as readonly Kind[]).includes(kind)
}

/** A place inside of so many bytes: at least one before it and one behind. */
export function cutOf({ cut }: Plan, length: number): number {
  return Math.max(1, Math.min(length - 1, Math.floor(cut * length)))
}

/** What the origin saw of a transfer, once for each time that it was asked. */
export interface Attempt {
  /** Content of the client that arrived. */
  uploaded: number
  uploadIsEqual: boolean
  /** Whether the framing, or the count in a stream, said that it was whole. */
  uploadIsWhole: boolean
  /** How the client's direction ended, of streams that were read to their end. */
  clientEnding: 'fin' | 'reset' | 'unclear' | undefined
  /** Content that was sent to the client. */
  sent: number
  /** How the origin ended what it sent; undefined when the connection was lost before. */
  ended: 'fin' | 'reset' | undefined
  /** Settled when the origin has nothing more to do with it. */
  done: Promise<void>
}

/** What the client saw of it. */
export interface Seen {
  /** What kept it from a 2xx, a 101 or a SOCKS5 success, or from the whole of it. */
  failure: string | undefined
  received: number
  isEqual: boolean
  /** Whether framing or end said that this was all. */
  isWhole: boolean
  /** The number that the answer says it belongs to. */
  answerOf: number | undefined
  /** The client broke off, or stopped sending, by itself. */
  left: boolean
}
