/** A client may have so many sessions for each one that it leaves free: seven eighths of all where it is alone. */
const PER_FREE_SESSION = 7

/** Beyond so many clients those that have nothing are forgotten. */
const KNOWN_CLIENTS = 4_096

/** What one client has of a pool. */
export interface Share {
  held: number
}

/**
 * How many sessions of a pool each client has. What one client may have depends on how many are free (the dynamic threshold of
 * Choudhury and Hahne, 1998), so whatever some clients hold on to, there is one for a client that has none.
 */
export class ClientShares {
  readonly #sessions: number
  readonly #byClient = new Map<string, Share>()

  /** @param sessions of the pool. */
  constructor(sessions: number) {
    this.#sessions = sessions
  }

  /** @param lent how many sessions all clients have together. */
  mayTake(client: string, lent: number): boolean {
    const held = this.#byClient.get(client)?.held ?? 0
    return held === 0 || held + 1 <= PER_FREE_SESSION * (this.#sessions - lent - 1)
  }

  /** Takes one more; the caller that returns it decrements `held`. */
  take(client: string): Share {
    const share = this.#byClient.get(client) ?? this.#add(client)
    share.held++
    return share
  }

  #add(client: string): Share {
    if (this.#byClient.size >= KNOWN_CLIENTS) {
      for (const [known, { held }] of this.#byClient) if (held === 0) this.#byClient.delete(known)
    }
    const share = { held: 0 }
    this.#byClient.set(client, share)
    return share
  }
}
