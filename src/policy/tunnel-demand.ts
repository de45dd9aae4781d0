const SECOND_MS = 1_000

/** A burst of tunnels may come again whole for so long, after that half of it, after that none. */
const WHOLE_MS = 20_000
const HALF_MS = 60_000

/** How many tunnels are opened at a time, of late. All times are milliseconds of one clock. */
export class TunnelDemand {
  /** By the second in which they were opened, the oldest first. */
  #bursts: { readonly at: number; tunnels: number }[] = []
  #lastAt = -Infinity

  /** A tunnel was opened. */
  note(now: number): void {
    this.#lastAt = now
    const last = this.#bursts.at(-1)
    if (last !== undefined && now - last.at < SECOND_MS) {
      last.tunnels++
      return
    }
    this.#bursts = this.#bursts.filter(({ at }) => now - at < HALF_MS)
    this.#bursts.push({ at: now, tunnels: 1 })
  }

  /** The largest burst that may come again. */
  burst(now: number): number {
    const sizes = this.#bursts.map(({ at, tunnels }) => {
      if (now - at < WHOLE_MS) return tunnels
      return now - at < HALF_MS ? Math.ceil(tunnels / 2) : 0
    })
    return Math.max(0, ...sizes)
  }

  /** Milliseconds since the last tunnel; Infinity when there was none. */
  quietMs(now: number): number {
    return now - this.#lastAt
  }
}
