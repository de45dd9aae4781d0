import { Resolver } from 'node:dns/promises'
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

/** Asks one server once. Never rejects; the signal ends the question and frees its socket. */
export type AskServer = (
  server: string,
  name: string,
  family: Family,
  signal: CancelSignal,
) => Promise<Reply>

/** Longer than any question: the signal ends it. */
const NEVER_MS = 60_000

/**
 * By node's own resolver, which has sockets of its own and needs no thread. Each question has one: a port and a number that nobody can
 * guess from earlier ones, and an end that concerns no other question. It costs 0.1 ms.
 */
export const askServer: AskServer = async (server, name, family, signal) => {
  const resolver = new Resolver({ timeout: NEVER_MS, tries: 1 })
  const cancel = (): void => resolver.cancel()
  try {
    resolver.setServers([server.includes(':') ? `[${server}]` : server])
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) return { kind: 'silent' }
    const addresses = await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name))
    return addresses.length > 0 ? { kind: 'found', addresses } : { kind: 'empty' }
  } catch (error) {
    return replyOf(error instanceof Error && 'code' in error ? String(error.code) : 'EFORMERR')
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function replyOf(code: string): Reply {
  if (code === 'ENOTFOUND') return { kind: 'unknown' }
  if (code === 'ENODATA') return { kind: 'empty' }
  if (code === 'ECANCELLED' || code === 'ETIMEOUT') return { kind: 'silent' }
  return { kind: 'failed', code }
}
