import {
  Cancellation,
  type CancelSignal,
  type Clock,
  parseHost,
  ProxyError,
} from '../core/index.ts'

/** All addresses of a name, IPv4 and IPv6. A rejection or an empty list means that it has none. */
export type ResolveName = (name: string, signal: CancelSignal) => Promise<readonly string[]>

/** How one run of the script ended: with a result, or stopped at a name whose addresses are not known yet. */
export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'stopped' }

/** The names used by one evaluation, with the addresses that a running script may know. */
export interface KnownNames {
  /** An empty list for text that is not a name; undefined stops the run. */
  recall(text: string): readonly string[] | undefined
  /** What the evaluation has used so far, by `nameOf`. */
  readonly used: ReadonlyMap<string, readonly string[]>
}

/** Text from the script as a name to resolve, or undefined. */
export function nameOf(text: string): string | undefined {
  const name = parseHost(text)
  return name === '' ? undefined : name
}

const MAX_NAMES = 1000
const TTL_MS = 60_000
const FAILURE_TTL_MS = 10_000
/** How long an evaluation waits for a name: two attempts at a healthy name server. */
const PATIENCE_MS = 2_000
/** How long a look-up may continue after its callers have stopped waiting. */
const LOOKUP_TIMEOUT_MS = 5_000
/** Concurrent look-ups that no evaluation waits for. */
const MAX_RENEWALS = 64

interface KnownName {
  readonly addresses: readonly string[]
  readonly until: number
  /** No answer arrived in time. */
  readonly isSilent: boolean
}

/**
 * Recently resolved addresses. Concurrent requests for a name share one look-up. If the name server does not answer,
 * the first evaluation waits for the full time limit; later ones get the last known addresses, and the name is resolved
 * again in the background.
 */
export class NameCache {
  readonly #resolve: ResolveName
  readonly #clock: Clock
  readonly #known = new Map<string, KnownName>()
  readonly #asking = new Map<string, Promise<readonly string[]>>()

  constructor(resolve: ResolveName, clock: Clock) {
    this.#resolve = resolve
    this.#clock = clock
  }

  recall(name: string): readonly string[] | undefined {
    const entry = this.#known.get(name)
    if (entry === undefined) return undefined
    const isFresh = this.#clock.now() < entry.until
    if (!isFresh && !entry.isSilent) return undefined
    if (!isFresh && this.#asking.size < MAX_RENEWALS) void this.#askOnce(name)
    return entry.addresses
  }

  /** Never rejects: a name that cannot be resolved within 2 seconds has its last known addresses, or none. */
  ask(name: string): Promise<readonly string[]> {
    const known = this.recall(name)
    return known === undefined ? this.#askOnce(name) : Promise.resolve(known)
  }

  #askOnce(name: string): Promise<readonly string[]> {
    const asked = this.#asking.get(name)
    if (asked !== undefined) return asked
    const answer = new Promise<readonly string[]>(resolve => {
      const patience = this.#clock.setTimer(PATIENCE_MS, () => resolve(this.#rememberSilence(name)))
      void this.#lookup(name).then(found => {
        patience.cancel()
        this.#asking.delete(name)
        resolve(found === undefined ? this.#rememberSilence(name) : this.#remember(name, found))
      })
    })
    this.#asking.set(name, answer)
    return answer
  }

  /** @returns undefined when no answer arrived in time. */
  async #lookup(name: string): Promise<readonly string[] | undefined> {
    const limit = new Cancellation()
    const timer = this.#clock.setTimer(LOOKUP_TIMEOUT_MS, () => limit.abort())
    try {
      return await orAborted(this.#resolve(name, limit), limit)
    } catch {
      return limit.aborted ? undefined : []
    } finally {
      timer.cancel()
    }
  }

  #remember(name: string, addresses: readonly string[]): readonly string[] {
    const ttl = addresses.length > 0 ? TTL_MS : FAILURE_TTL_MS
    return this.#keep(name, { addresses, until: this.#clock.now() + ttl, isSilent: false })
  }

  #rememberSilence(name: string): readonly string[] {
    const { addresses } = this.#known.get(name) ?? { addresses: [] }
    const until = this.#clock.now() + FAILURE_TTL_MS
    return this.#keep(name, { addresses, until, isSilent: true })
  }

  #keep(name: string, entry: KnownName): readonly string[] {
    this.#known.delete(name)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_NAMES && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(name, entry)
    return entry.addresses
  }
}

/** Names that one evaluation may resolve; further ones have no addresses. Chromium has the same limit. */
export const MAX_ROUNDS = 20

/**
 * Runs a script that needs addresses but cannot wait for them: each run stops at the first unknown name, which is then
 * resolved outside, and the script runs again from its start (as in Chromium's ProxyResolverV8Tracing). Answers do not
 * change between the runs of one evaluation. Changes that a script makes to its own globals before it is stopped
 * remain.
 * @throws ProxyError CLIENT_ABORTED, and whatever `attempt` throws.
 */
export async function traceNames<T>(
  cache: NameCache,
  attempt: (names: KnownNames) => Outcome<T> | Promise<Outcome<T>>,
  signal: CancelSignal,
): Promise<T> {
  const used = new Map<string, readonly string[]>()
  let rounds = 0
  const wanted: string[] = []
  const recall = (text: string): readonly string[] | undefined => {
    const name = nameOf(text)
    if (name === undefined) return []
    const found = used.get(name) ?? cache.recall(name) ?? (rounds < MAX_ROUNDS ? undefined : [])
    if (found !== undefined) used.set(name, found)
    else if (wanted.length === 0) wanted.push(name)
    return found
  }
  for (;;) {
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const usedBefore = used.size
    const outcome = await attempt({ recall, used })
    if (outcome.kind === 'done') return outcome.value
    const name = wanted.pop()
    if (name !== undefined) {
      rounds++
      used.set(name, await orAborted(cache.ask(name), signal))
    } else if (used.size === usedBefore) {
      throw new ProxyError('BUG', { detail: 'a Pac run stopped for nothing' })
    }
  }
}

/** The promise's result, unless the signal aborts first. @throws ProxyError CLIENT_ABORTED. */
export function orAborted<T>(promise: Promise<T>, signal: CancelSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new ProxyError('CLIENT_ABORTED'))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
