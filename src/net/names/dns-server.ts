import { Resolver } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import type { CancelSignal } from '../../core/index.ts'

export type Family = 4 | 6

/** What one name server says of one name and one address family. */
export type Reply =
  | { readonly kind: 'found'; readonly addresses: readonly string[] }
  /** There is the name, but it has no address of this family (NODATA). */
  | { readonly kind: 'empty' }
  /** There is no such name (NXDOMAIN), which holds for both families. */
  | { readonly kind: 'unknown' }
  /** The server answered that it cannot answer, or nothing listens there; the code is that of node:dns. */
  | { readonly kind: 'failed'; readonly code: string }
  /** Nothing came before the signal. */
  | { readonly kind: 'silent' }

/** Asks about one name and family. Never rejects. */
export type Ask = (name: string, family: Family) => Promise<Reply>

/** How one server is asked; the signal ends all questions that are asked so, and frees their socket. */
export type AskServer = (server: string, signal: CancelSignal) => Ask

/** Longer than any question: the signal ends it. */
const NEVER_MS = 60_000

/**
 * By node's own resolver, which has sockets of its own and needs no thread. There is one for each look-up and server, which costs 0.1 ms: it has a
 * port and numbers that nobody can guess from earlier ones, its end concerns no other look-up, and what one name does to a server does not
 * change which server others are asked of.
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
