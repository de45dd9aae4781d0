import { lookup } from 'node:dns/promises'
import { ProxyError } from '../../core/index.ts'
import type { ResolveName } from './look-ups.ts'
import { Places } from './places.ts'

/** libuv's default number of threads. */
const DEFAULT_THREADS = 4

/**
 * How many look-ups for clients may occupy a thread at the same time. libuv gives look-ups half of its threads, rounded
 * up. A quarter of those, at least one, is reserved for the names of upstreams; with one or two threads there is just
 * one slot for all.
 */
export function clientPlaces(threadPoolSize: string | undefined): number {
  const given = Number(threadPoolSize)
  const threads = Number.isInteger(given) && given > 0 ? given : DEFAULT_THREADS
  const forNames = Math.ceil(threads / 2)
  return Math.max(1, forNames - Math.ceil(forNames / 4))
}

/** The threads belong to the process, so all callers share the slots. */
const CLIENT_PLACES = new Places(clientPlaces(process.env['UV_THREADPOOL_SIZE']))

/**
 * Resolves names by the C library (getaddrinfo). A look-up occupies a thread until the library is done with it, half a
 * minute and more, and cannot be cancelled. So it keeps its slot after all callers have left, and later calls for the
 * same name join it.
 */
export function systemLookUp(
  find: (name: string) => Promise<readonly string[]> = getaddrinfo,
  places: Places = CLIENT_PLACES,
): ResolveName {
  const running = new Map<string, Promise<readonly string[]>>()
  const begin = (name: string, leave: () => void): Promise<readonly string[]> => {
    const answer = find(name)
      .catch((error: unknown) => {
        throw isSilence(error) ? silent(name, error) : error
      })
      .finally(() => {
        running.delete(name)
        leave()
      })
    running.set(name, answer)
    return answer
  }
  return async (name, use, signal) => {
    const joined = running.get(name)
    if (joined !== undefined) return joined
    if (use === 'upstream') return begin(name, () => undefined)
    const leave = await places.take(signal)
    const begun = running.get(name)
    if (begun === undefined) return begin(name, leave)
    leave()
    return begun
  }
}

async function getaddrinfo(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

function isSilence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAI_AGAIN'
}

function silent(name: string, cause: unknown): ProxyError {
  const detail = `${name}: the name server did not answer, or could not (EAI_AGAIN)`
  return new ProxyError('DIAL_DNS', { detail, cause })
}
