import type { Clock, Timer } from '../core/index.ts'
import type { Session, SessionOwner } from './lease.ts'

/** Idle sessions, each with its own timeout; the most recently used one comes last. */
export class IdleSessions {
  readonly #clock: Clock
  readonly #entries: { readonly session: Session; readonly timer: Timer }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.length
  }

  get oldest(): Session | undefined {
    return this.#entries[0]?.session
  }

  /** @returns a copy. */
  list(): Session[] {
    return this.#entries.map(({ session }) => session)
  }

  count(fits: (session: Session) => boolean): number {
    return this.#entries.reduce((sum, { session }) => sum + (fits(session) ? 1 : 0), 0)
  }

  keep(session: Session, ms: number, onExpired: () => void): void {
    this.#entries.push({ session, timer: this.#clock.setTimer(ms, onExpired) })
  }

  /** Prefers the owner's sessions to unowned ones. The most recently used is the least likely to have been closed by the upstream. */
  takeReady(owner: SessionOwner | undefined): Session | undefined {
    const at = (wanted: SessionOwner | undefined): number =>
      this.#entries.findLastIndex(({ session }) => session.isReady && session.owner === wanted)
    const owned = owner === undefined ? -1 : at(owner)
    return this.#take(owned >= 0 ? owned : at(undefined))
  }

  /** The most recently used session that fits. */
  take(fits: (session: Session) => boolean): Session | undefined {
    return this.#take(this.#entries.findLastIndex(({ session }) => fits(session)))
  }

  /** @returns whether it was idle here. */
  remove(session: Session): boolean {
    return this.#take(this.#entries.findIndex(entry => entry.session === session)) !== undefined
  }

  #take(at: number): Session | undefined {
    const [entry] = at < 0 ? [] : this.#entries.splice(at, 1)
    entry?.timer.cancel()
    return entry?.session
  }
}
