import { type HostPort, ProxyError } from '../core/index.ts'
import { readGreeting } from './greeting.ts'
import { readLogon } from './logon.ts'
import type { Outcome, SocksFailure, SocksUsers } from './message.ts'
import { readRequest } from './request.ts'

/** What to do next. `connect` and `failed` are the last step of a handshake. */
export type SocksStep =
  | { readonly kind: 'send'; readonly bytes: Buffer }
  | {
      readonly kind: 'connect'
      readonly target: HostPort
      /** What the client sent after its request: the first bytes for the target. */
      readonly leftover: Buffer
    }
  | SocksFailure

/**
 *     greeting --method 0--> request
 *              --method 2--> logon --accepted--> request --target--> connected
 *     greeting, logon, request --refused--> failed
 */
const READERS = { greeting: readGreeting, logon: readLogon, request: readRequest } as const

type State = keyof typeof READERS | 'connected' | 'failed'

/**
 * The server side of SOCKS5 (RFC 1928, RFC 1929) up to the target; the caller dials it and sends `replyBytes`. It owns
 * no socket. Messages may arrive in any segments, and a client may send ahead without waiting for replies. Every
 * message has a known length of at most 513 bytes, so at most 512 bytes are kept and 1032 bytes decide.
 */
export class SocksHandshake {
  readonly #users: SocksUsers
  #state: State = 'greeting'
  #pending: Buffer = Buffer.alloc(0)

  constructor(options: { readonly users: SocksUsers }) {
    this.#users = options.users
  }

  /**
   * Takes bytes as received. Ignores everything after a failure.
   * @throws ProxyError BUG after `connect`: those bytes belong to the target
   */
  push(bytes: Buffer): SocksStep[] {
    if (this.#state === 'connected') {
      throw new ProxyError('BUG', {
        detail: 'bytes for the target are given to the SOCKS handshake',
      })
    }
    if (this.#state === 'failed') return []
    this.#pending = Buffer.concat([this.#pending, bytes])
    const steps: SocksStep[] = []
    for (let outcome = this.#read(); outcome !== undefined; outcome = this.#read()) {
      steps.push(this.#advance(outcome))
    }
    return steps
  }

  #read(): Outcome | undefined {
    if (this.#state === 'connected' || this.#state === 'failed') return undefined
    return READERS[this.#state](this.#pending, this.#users)
  }

  #advance(outcome: Outcome): SocksStep {
    const pending = this.#pending
    this.#pending = Buffer.alloc(0)
    switch (outcome.kind) {
      case 'answered':
        this.#state = outcome.next
        this.#pending = pending.subarray(outcome.length)
        return { kind: 'send', bytes: outcome.answer }
      case 'target':
        this.#state = 'connected'
        return {
          kind: 'connect',
          target: outcome.target,
          leftover: pending.subarray(outcome.length),
        }
      case 'failed':
        this.#state = 'failed'
        return outcome
    }
  }
}
