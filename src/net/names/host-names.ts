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

/** Gets addresses as soon as they are known, and further ones when they come later. */
export type Offer = (addresses: readonly string[]) => void

/** A new answer about a name whose addresses are known is waited for so long. A name server that is well needs less. */
const REFRESH_MS = 300

/** RFC 8767 section 5 suggests one to three days for an answer that cannot be renewed. */
const KEPT_MS = 24 * 60 * 60_000

/** Upstreams of the configuration and those that a Pac script names. */
const MAX_KEPT = 256

interface Kept {
  readonly addresses: readonly string[]
  readonly until: number
  /** The last new look-up did not answer in time: none is waited for until one does. */
  isOverdue: boolean
}

/** Names and their addresses, for everybody in this process. */
export class HostNames {
  readonly #clock: Clock
  readonly #lookUps: LookUps
  readonly #kept = new Map<string, Kept>()

  constructor({ clock, resolve }: HostNamesOptions) {
    this.#clock = clock
    this.#lookUps = new LookUps(resolve)
  }

  /**
   * All addresses of a name, as they are now.
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

  /** The same for somebody who waits only so long. @throws ProxyError DIAL_DNS or NO_DESCRIPTORS. */
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
   * Offers the addresses of an upstream's name: new ones, or where these are slow or cannot be had the last good ones, so that
   * neither a name server nor other look-ups can stop what works. Settles when nothing more will be offered, or with the signal.
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

  /** Nobody's leaving ends it: the next one will need the answer too. */
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
  // A resolver that may open no file or socket says that the name is unknown, or that nobody answers.
  if (!canOpenDescriptor()) return new ProxyError('NO_DESCRIPTORS', { detail: name, cause })
  return isProxyError(cause) ? cause : unknownName(name, cause)
}

function unknownName(name: string, cause?: unknown): ProxyError {
  const detail = `${name} has no address that this host can find`
  return new ProxyError('DIAL_DNS', { detail, ...(cause === undefined ? {} : { cause }) })
}
