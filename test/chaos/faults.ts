import type { Kind } from './plan.ts'

export const STREAMS = ['connect', 'socks5', 'websocket', 'tls'] as const satisfies readonly Kind[]
const CLEAR_STREAMS = ['connect', 'socks5', 'websocket'] as const satisfies readonly Kind[]
const PLAIN = ['plain-length', 'plain-chunked', 'plain-close'] as const satisfies readonly Kind[]

/** What a fault needs of the transfer that it happens to. */
interface FaultRow {
  /** Default: any. */
  readonly kinds?: readonly Kind[]
  /** Whether there has to be something to send. */
  readonly upload?: true
  /** Whether it has to go through an upstream. */
  readonly upstream?: true
  /** Transfers are made small for it: it sends a few bytes at a time. */
  readonly slow?: true
}

/** What goes wrong in a single transfer. The first word says who is at fault. */
export const FAULTS = {
  'origin-resets-mid-head': { kinds: PLAIN },
  'origin-resets-mid-body': {},
  'origin-ends-mid-body': {},
  'origin-stalls': {},
  'origin-drips': { slow: true },
  'origin-sends-tiny-segments': { slow: true },
  'origin-answers-early': { kinds: PLAIN, upload: true },
  'origin-half-closes': { kinds: CLEAR_STREAMS, upload: true },
  'origin-answers-malformed': { kinds: PLAIN },
  'upstream-answers-502': { upstream: true },
  'upstream-resets-mid-request': { upstream: true },
  'client-resets-mid-head': {},
  'client-resets-mid-upload': { upload: true },
  'client-ends-mid-upload': { upload: true },
  'client-stalls': {},
  'client-drips': { upload: true, slow: true },
  'client-sends-tiny-segments': { upload: true, slow: true },
  'client-half-closes': { kinds: CLEAR_STREAMS, upload: true },
  'client-leaves-mid-download': {},
} as const satisfies Record<string, FaultRow>

export type FaultName = keyof typeof FAULTS

export function faultRow(name: FaultName): FaultRow {
  return FAULTS[name]
}

/** What an upstream does to a connection, whoever needs it. These are for the pool to deal with, and retries to hide. */
export const WEATHER = [
  'resets-at-accept',
  'resets-in-handshake',
  'closes-after-407',
  'slow-verdict',
  'closes-after-answer',
  'closes-idle',
] as const

export type Weather = (typeof WEATHER)[number]
