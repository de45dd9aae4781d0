import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { CancelSignal } from '../../core/index.ts'

export type Family = 4 | 6

/** A name server's reply for one name and address family. */
export type Reply =
  | { readonly kind: 'found'; readonly addresses: readonly string[] }
  /** The name exists but has no address of this family (NODATA). */
  | { readonly kind: 'empty' }
  /** The name does not exist (NXDOMAIN), which holds for both families. */
  | { readonly kind: 'unknown' }
  /** The server reported a failure, or nothing listens there; the code is that of node:dns. */
  | { readonly kind: 'failed'; readonly code: string }
  /** No reply arrived before the signal. */
  | { readonly kind: 'silent' }

/** Queries one name and family. Never rejects. */
export type Ask = (name: string, family: Family) => Promise<Reply>

/** Prepares queries to one server. The signal ends all of them and frees their socket. */
export type AskServer = (server: string, signal: CancelSignal) => Ask

/** Longer than any query: the signal ends it. */
const NEVER_MS = 60_000

/**
 * Uses node's resolver, which has its own sockets and needs no thread. Each look-up and server gets a new one, which
 * costs 0.1 ms: its port and query IDs cannot be guessed from earlier ones, cancelling it affects no other look-up, and
 * failures for one name do not change which server is queried for others.
 */
export const askServer: AskServer = (server, signal) => {
  const resolver = new Resolver({ timeout: NEVER_MS, tries: 1 })
  resolver.setServers([isIPv6(server) ? `[${server}]` : server])
  const cancel = (): void => resolver.cancel()
  return async (name, family) => {
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) return { kind: 'silent' }
    try {
      const addresses = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name))
      return addresses.length > 0 ? { kind: 'found', addresses } : { kind: 'empty' }
    } catch (error) {
      return replyOf(error instanceof Error && 'code' in error ? String(error.code) : 'EFORMERR')
    }
  }
}

function replyOf(code: string): Reply {
  if (code === 'ENOTFOUND') return { kind: 'unknown' }
  if (code === 'ENODATA') return { kind: 'empty' }
  if (code === 'ECANCELLED' || code === 'ETIMEOUT') return { kind: 'silent' }
  return { kind: 'failed', code }
}
