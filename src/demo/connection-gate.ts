import { isProxyError } from '../core/index.ts'
import { type AcceptorOptions, NtlmAcceptor } from './ntlm-acceptor.ts'
import type { Verdict } from './ntlm-verdict.ts'
import { malformed, messageType } from './ntlm-wire.ts'

/** What to do with a request, judged by its Proxy-Authorization field. */
export type GateDecision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'accept'; readonly verdict: Verdict & { readonly ok: true } }
  | { readonly kind: 'challenge'; readonly token: string }
  | { readonly kind: 'demand'; readonly closes: boolean }
  | { readonly kind: 'reject'; readonly reason: string }

/**
 * NTLM authenticates a connection, not a request. The rules are Squid's: once accepted, every later request passes and
 * its field is ignored; a request without the field in mid-handshake ends the handshake and the connection.
 */
export class ConnectionGate {
  readonly #acceptor: NtlmAcceptor
  #state: 'fresh' | 'challenged' | 'authenticated' = 'fresh'

  constructor(options: AcceptorOptions) {
    this.#acceptor = new NtlmAcceptor(options)
  }

  decide(proxyAuthorization: string | undefined): GateDecision {
    if (this.#state === 'authenticated') return { kind: 'pass' }
    const wasChallenged = this.#state === 'challenged'
    this.#state = 'fresh'
    if (proxyAuthorization === undefined) {
      this.#acceptor.forget()
      return { kind: 'demand', closes: wasChallenged }
    }
    try {
      const token = decodeToken(proxyAuthorization)
      return messageType(token) === 1 ? this.#challenge(token) : this.#verify(token)
    } catch (error) {
      this.#acceptor.forget()
      if (isProxyError(error)) return { kind: 'reject', reason: error.detail ?? error.message }
      throw error
    }
  }

  #challenge(negotiate: Buffer): GateDecision {
    const token = this.#acceptor.challenge(negotiate).toString('base64')
    this.#state = 'challenged'
    return { kind: 'challenge', token }
  }

  #verify(authenticate: Buffer): GateDecision {
    const verdict = this.#acceptor.verify(authenticate)
    if (!verdict.ok) return { kind: 'reject', reason: verdict.reason }
    this.#state = 'authenticated'
    return { kind: 'accept', verdict }
  }
}

/** What a Proxy-Authorization field holds, in words that can be shown. */
export function describeToken(field: string): 'type 1' | 'type 3' | 'no NTLM token' {
  const text = TOKEN.exec(field)?.[1] ?? ''
  const type = messageType(Buffer.from(text, 'base64'))
  return type === 1 ? 'type 1' : type === 3 ? 'type 3' : 'no NTLM token'
}

const TOKEN = /^NTLM +([A-Za-z0-9+/]+={0,2}) *$/i

function decodeToken(field: string): Buffer {
  const text = TOKEN.exec(field)?.[1]
  if (text === undefined) throw malformed('the Proxy-Authorization field holds no NTLM token')
  return Buffer.from(text, 'base64')
}
