import { formatHostPort, type HostPort, parseHostPort } from '../core/index.ts'

export type PacCandidate =
  { readonly kind: 'direct' } | { readonly kind: 'proxy'; readonly address: HostPort }

export interface PacAnswer {
  /** In the order in which they are to be tried, each once; empty when the answer names nothing usable. */
  readonly candidates: readonly PacCandidate[]
  /** What was understood as neither, as written: SOCKS and HTTPS proxies, unknown words, addresses that are none. */
  readonly ignored: readonly string[]
}

/** The port of a proxy that is named without one, as in browsers. */
const DEFAULT_PORT = 80

const MAX_SHOWN = 100

/**
 * Reads the answer of FindProxyForURL: `PROXY a:8080; HTTP b; DIRECT` in any case, `HTTP` being another word for `PROXY`. Spaces and
 * empty items count for nothing. What is not understood is never taken for DIRECT: that would lead traffic around the proxy.
 */
export function parsePacAnswer(text: string): PacAnswer {
  const candidates = new Map<string, PacCandidate>()
  const ignored: string[] = []
  for (const item of text.split(';').map(each => each.trim())) {
    if (item === '') continue
    const candidate = parseItem(item)
    if (candidate === undefined) ignored.push(item.slice(0, MAX_SHOWN))
    else if (!candidates.has(keyOf(candidate))) candidates.set(keyOf(candidate), candidate)
  }
  return { candidates: [...candidates.values()], ignored }
}

function parseItem(item: string): PacCandidate | undefined {
  const [word = '', address, ...more] = item.split(/\s+/)
  if (more.length > 0) return undefined
  switch (word.toUpperCase()) {
    case 'DIRECT':
      return address === undefined ? { kind: 'direct' } : undefined
    case 'PROXY':
    case 'HTTP': {
      const parsed = address === undefined ? undefined : parseHostPort(address, DEFAULT_PORT)
      return parsed === undefined ? undefined : { kind: 'proxy', address: parsed }
    }
    default:
      return undefined
  }
}

function keyOf(candidate: PacCandidate): string {
  return candidate.kind === 'direct' ? 'direct' : formatHostPort(candidate.address)
}
