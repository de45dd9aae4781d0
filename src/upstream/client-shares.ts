/** Sessions that a client may hold per free one: seven eighths of all when it is alone. */
const PER_FREE_SESSION = 7

/** Beyond this many clients, those without sessions are forgotten. */
const KNOWN_CLIENTS = 4_096

/** One client's share of a pool. */
export interface Share {
  held: number
}

/**
 * Counts each client's sessions in a pool. A client's limit depends on how many are free (the dynamic threshold of Choudhury and Hahne,
 * 1998), so whatever some clients hold, a client without sessions finds one free.
 */
export class ClientShares {
  readonly #sessions: number
  readonly #byClient = new Map<string, Share>()

  /** @param sessions size of the pool. */
  constructor(sessions: number) {
    this.#sessions = sessions
  }

  /** @param lent sessions held by all clients together. */
  mayTake(client: string, lent: number): boolean {
    const held = this.#byClient.get(client)?.held ?? 0
    return held === 0 || held + 1 <= PER_FREE_SESSION * (this.#sessions - lent - 1)
  }

  /** Takes one more session; the caller that returns it decrements `held`. */
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
