import { Cancellation, type CancelSignal, type Clock, ProxyError } from '../../core/index.ts'
import type { AskServer, Family, Reply } from './dns-server.ts'
import { candidatesOf, type ResolvConf } from './resolv-conf.ts'

export interface DnsSearchOptions {
  readonly clock: Clock
  readonly ask: AskServer
  readonly conf: ResolvConf
  readonly signal: CancelSignal
}

/** Attempts per server, each with twice the timeout of the previous one. */
const ROUNDS = 3

/** RFC 8305 section 3, the resolution delay: how long to wait for one family once the other has answered. */
const OTHER_FAMILY_MS = 50

/**
 * Resolves a name by DNS with the search rules of the C library. Empty if the name has no addresses.
 * @throws ProxyError DIAL_DNS when no name server answers, or none can; CLIENT_ABORTED.
 */
export async function searchDns(
  name: string,
  options: DnsSearchOptions,
): Promise<readonly string[]> {
  const { clock, conf, signal } = options
  const startedAt = clock.now()
  for (const candidate of candidatesOf(name, conf)) {
    const reply = await askServers(candidate, options)
    if (reply.kind === 'found') return reply.addresses
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    // A name without an answer may exist: a later candidate could be another host.
    if (reply.kind === 'silent') throw nameServerSilent(name, clock.now() - startedAt)
    if (reply.kind === 'failed') {
      const servers = conf.servers.join(', ')
      const detail = `${name}: the name server (${servers}) could not answer (${reply.code})`
      throw new ProxyError('DIAL_DNS', { detail })
    }
  }
  return []
}

export function nameServerSilent(name: string, ms: number): ProxyError {
  return new ProxyError('DIAL_DNS', {
    detail: `${name}: no answer from the name server within ${Math.round(ms)} ms`,
  })
}

/** The first server's answer is final; the next one is queried only if the first is silent or fails. */
async function askServers(name: string, options: DnsSearchOptions): Promise<Reply> {
  const { conf, signal } = options
  let last: Reply = { kind: 'silent' }
  for (let round = 0; round < ROUNDS; round++) {
    let isAnySilent = false
    for (const server of conf.servers) {
      const reply = await askFamilies(server, name, conf.attemptMs * 2 ** round, options)
      if (signal.aborted || (reply.kind !== 'silent' && reply.kind !== 'failed')) return reply
      isAnySilent ||= reply.kind === 'silent'
      last = reply
    }
    // Servers that report a failure are not queried again.
    if (!isAnySilent) return last
  }
  return last
}

/** Queries both families in parallel, for `ms` at most. */
async function askFamilies(
  server: string,
  name: string,
  ms: number,
  { clock, ask, conf, signal }: DnsSearchOptions,
): Promise<Reply> {
  const families: readonly Family[] = conf.wantsIPv6 ? [4, 6] : [4]
  const limit = new Cancellation()
  const end = (): void => limit.abort()
  let timer = clock.setTimer(ms, end)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  const question = ask(server, limit)
  try {
    const replies = await Promise.all(
      families.map(async family => {
        const reply = await question(name, family)
        if (reply.kind === 'unknown') end()
        if (reply.kind === 'found') {
          timer.cancel()
          timer = clock.setTimer(OTHER_FAMILY_MS, end)
        }
        return reply
      }),
    )
    return merge(replies)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', end)
  }
}

/** Precedence when no address was found: NXDOMAIN holds for both families, and a family without an answer may have addresses. */
const ORDER: readonly Reply['kind'][] = ['unknown', 'silent', 'failed', 'empty']

function merge(replies: readonly Reply[]): Reply {
  const addresses = replies.flatMap(reply => (reply.kind === 'found' ? reply.addresses : []))
  if (addresses.length > 0) return { kind: 'found', addresses }
  const ordered = ORDER.flatMap(kind => replies.find(reply => reply.kind === kind) ?? [])
  return ordered[0] ?? { kind: 'empty' }
}
