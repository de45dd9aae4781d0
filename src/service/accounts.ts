import { createHmac } from 'node:crypto'
import type { Entropy } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import type { Accounts } from '../proxy/index.ts'
import type { Identity } from '../upstream/index.ts'

/** Sessions of so many accounts are kept; the one that was not used for the longest time goes. */
const MAX_IDENTITIES = 256

export interface ClientCounts {
  readonly known: number
  readonly refused: number
}

export interface ProxyAccountsOptions {
  /** That of the account of the configuration. */
  readonly own: Identity | undefined
  /** Makes that of an account which a client names. @throws ProxyError CLIENT_AUTH_REJECTED. */
  readonly identify: (basic: BasicCredentials) => Identity
  readonly entropy: Entropy
  /** Called for an identity whose sessions need not be kept. */
  readonly onForgotten: (identity: Identity) => void
}

/**
 * The account of the configuration and those that clients name. Each user name and password together is an identity with
 * sessions of its own: who names an account with another password gets nothing of what the right one opened.
 */
export class ProxyAccounts implements Accounts {
  readonly #options: ProxyAccountsOptions
  /** Keys are made with a secret of the process: passwords are not kept in clear text. */
  readonly #key: Buffer
  readonly #identities = new Map<string, Identity>()

  constructor(options: ProxyAccountsOptions) {
    this.#options = options
    this.#key = options.entropy.bytes(32)
  }

  get own(): Identity | undefined {
    return this.#options.own
  }

  /** How many accounts clients named, and for how many of them no logon would be let through. */
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

  /** Sessions of clients' accounts are not needed any more. */
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
