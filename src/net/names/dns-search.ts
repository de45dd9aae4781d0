import { Cancellation, type CancelSignal, type Clock, ProxyError } from '../../core/index.ts'
import type { AskServer, Family, Reply } from './dns-server.ts'
import { candidatesOf, type ResolvConf } from './resolv-conf.ts'

export interface DnsSearchOptions {
  readonly clock: Clock
  readonly ask: AskServer
  readonly conf: ResolvConf
  readonly signal: CancelSignal
}

/** How often each server is asked, each time for twice as long. */
const ROUNDS = 3

/** RFC 8305 section 3, the resolution delay: one family is not waited for longer when the other is there. */
const OTHER_FAMILY_MS = 50

/**
 * The addresses of a name by DNS, as the C library would search for it; none where it has none.
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
    // What is not answered may exist: a later candidate could be another host.
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

/** The first server's word counts; the next one is asked only when it says nothing, or that it cannot say. */
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
    // Servers that say they cannot are not asked again.
    if (!isAnySilent) return last
  }
  return last
}

/** Both families at once, for so long. */
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

/** What is known of one family counts more than what is not of the other. */
const ORDER: readonly Reply['kind'][] = ['unknown', 'silent', 'failed', 'empty']

function merge(replies: readonly Reply[]): Reply {
  const addresses = replies.flatMap(reply => (reply.kind === 'found' ? reply.addresses : []))
  if (addresses.length > 0) return { kind: 'found', addresses }
  const ordered = ORDER.flatMap(kind => replies.find(reply => reply.kind === kind) ?? [])
  return ordered[0] ?? { kind: 'empty' }
}
