import {
  Cancellation,
  type CancelSignal,
  type Clock,
  isProxyError,
  ProxyError,
  NEVER_CANCELLED,
} from '../../core/index.ts'
import { canOpenDescriptor } from '../descriptor-limit.ts'
import { nameServerSilent } from './dns-search.ts'
import { LookUps, type NameUse, type ResolveName } from './look-ups.ts'

export interface HostNamesOptions {
  readonly clock: Clock
  readonly resolve: ResolveName
}

/** Receives addresses as soon as they are known; may be called again with further ones. */
export type Offer = (addresses: readonly string[]) => void

/** How long to wait for a new answer when addresses are known. A healthy name server needs less. */
const REFRESH_MS = 300

/** RFC 8767 section 5 suggests one to three days for an answer that cannot be renewed. */
const KEPT_MS = 24 * 60 * 60_000

/** Upstreams in the configuration and those that a PAC script names. */
const MAX_KEPT = 256

interface Kept {
  readonly addresses: readonly string[]
  readonly until: number
  /** The last look-up missed its deadline; none is waited for until one succeeds. */
  isOverdue: boolean
}

/** Name resolution shared by the whole process. */
export class HostNames {
  readonly #clock: Clock
  readonly #lookUps: LookUps
  readonly #kept = new Map<string, Kept>()

  constructor({ clock, resolve }: HostNamesOptions) {
    this.#clock = clock
    this.#lookUps = new LookUps(resolve)
  }

  /**
   * All current addresses of a name.
   * @throws ProxyError DIAL_DNS, NO_DESCRIPTORS or CLIENT_ABORTED.
   */
  async lookUp(name: string, use: NameUse, signal: CancelSignal): Promise<readonly string[]> {
    let found: readonly string[]
    try {
      found = await this.#lookUps.ask(name, use, signal)
    } catch (cause) {
      throw failureOf(name, cause)
    }
    if (found.length === 0) throw unknownName(name)
    return found
  }

  /** `lookUp` with a time limit. @throws ProxyError DIAL_DNS or NO_DESCRIPTORS. */
  async lookUpWithin(name: string, ms: number): Promise<readonly string[]> {
    const limit = new Cancellation()
    const timer = this.#clock.setTimer(ms, () => limit.abort())
    try {
      return await this.lookUp(name, 'target', limit)
    } catch (error) {
      throw limit.aborted ? nameServerSilent(name, ms) : error
    } finally {
      timer.cancel()
    }
  }

  /**
   * Offers the addresses of an upstream's name: new ones or, if the look-up is slow or fails, the last good ones, so
   * that neither a name server nor other look-ups can stop a working upstream. Settles when nothing more will be
   * offered.
   * @throws ProxyError DIAL_DNS or NO_DESCRIPTORS when there was nothing to offer.
   */
  async offerUpstream(name: string, offer: Offer, signal: CancelSignal): Promise<void> {
    const kept = this.#recall(name)
    const answer = this.#renew(name)
    if (kept === undefined) return offer(await answer)
    let isOffered = false as boolean
    const offerKept = (): void => {
      kept.isOverdue = true
      isOffered = true
      offer(kept.addresses)
    }
    const timer = kept.isOverdue ? undefined : this.#clock.setTimer(REFRESH_MS, offerKept)
    const stop = (): void => timer?.cancel()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    else if (timer === undefined) offerKept()
    try {
      offer(await answer)
    } catch {
      if (!isOffered) offerKept()
    } finally {
      stop()
      signal.removeEventListener('abort', stop)
    }
  }

  /** Not cancelled when the caller leaves: the next caller needs the answer too. */
  async #renew(name: string): Promise<readonly string[]> {
    const addresses = await this.lookUp(name, 'upstream', NEVER_CANCELLED)
    this.#kept.delete(name)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(name, { addresses, until: this.#clock.now() + KEPT_MS, isOverdue: false })
    return addresses
  }

  #recall(name: string): Kept | undefined {
    const kept = this.#kept.get(name)
    if (kept === undefined || this.#clock.now() < kept.until) return kept
    this.#kept.delete(name)
    return undefined
  }
}

function failureOf(name: string, cause: unknown): ProxyError {
  if (isProxyError(cause) && cause.code !== 'DIAL_DNS') return cause
  // A resolver that cannot open a file or socket reports an unknown name or a silent server.
  if (!canOpenDescriptor()) return new ProxyError('NO_DESCRIPTORS', { detail: name, cause })
  return isProxyError(cause) ? cause : unknownName(name, cause)
}

function unknownName(name: string, cause?: unknown): ProxyError {
  const detail = `${name} has no address that this host can find`
  return new ProxyError('DIAL_DNS', { detail, ...(cause === undefined ? {} : { cause }) })
}
