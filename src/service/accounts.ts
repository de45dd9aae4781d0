import { createHmac } from 'node:crypto'
import type { Entropy } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { Accounts } from '../proxy/index.ts'
import type { Identity } from '../upstream/index.ts'

/** Sessions are kept for this many accounts; the least recently used one is dropped. */
const MAX_IDENTITIES = 256

export interface ClientCounts {
  readonly known: number
  readonly refused: number
}

export interface ProxyAccountsOptions {
  /** The identity of the configured account. */
  readonly own: Identity | undefined
  /** Makes the identity of an account named by a client. @throws ProxyError CLIENT_AUTH_REJECTED. */
  readonly identify: (basic: BasicCredentials) => Identity
  readonly entropy: Entropy
  /** Called for an identity whose sessions need not be kept. */
  readonly onForgotten: (identity: Identity) => void
}

/**
 * The configured account and those named by clients. Each combination of user name and password is an identity with its
 * own sessions, so a client with a different password gets no session that the right one opened.
 */
export class ProxyAccounts implements Accounts {
  readonly #options: ProxyAccountsOptions
  /** Keys are made with a secret of the process, so that passwords are not kept in clear text. */
  readonly #key: Buffer
  readonly #identities = new Map<string, Identity>()

  constructor(options: ProxyAccountsOptions) {
    this.#options = options
    this.#key = options.entropy.bytes(32)
  }

  get own(): Identity | undefined {
    return this.#options.own
  }

  /** How many accounts clients have named, and for how many of them every logon would be refused. */
  get clientCounts(): ClientCounts {
    const identities = [...this.#identities.values()].filter(identity => identity !== this.own)
    const refused = identities.filter(({ gate }) => !gate.isOpen).length
    return { known: identities.length, refused }
  }

  ofClient(basic: BasicCredentials): Identity {
    const { user, password } = basic
    const key = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password.reveal()]))
      .digest('base64')
    const identity = this.#identities.get(key) ?? this.#options.identify(basic)
    this.#identities.delete(key)
    this.#identities.set(key, identity)
    this.#forgetOldest()
    return identity
  }

  /** Drops the accounts named by clients, whose sessions are no longer needed. */
  forgetClients(): void {
    for (const identity of this.#identities.values()) this.#forget(identity)
    this.#identities.clear()
  }

  #forgetOldest(): void {
    const [oldest] = this.#identities
    if (this.#identities.size <= MAX_IDENTITIES || oldest === undefined) return
    const [key, identity] = oldest
    this.#identities.delete(key)
    this.#forget(identity)
  }

  #forget(identity: Identity): void {
    if (identity !== this.own) this.#options.onForgotten(identity)
  }
}
