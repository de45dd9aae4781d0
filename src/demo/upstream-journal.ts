import type { IncomingMessage } from 'node:http'
import { describeToken, type GateDecision } from './connection-gate.ts'

interface RequestLine {
  readonly method: string
  readonly target: string
}

/** What happened on one connection, step by step. No event holds a token or a password. */
export type UpstreamEvent = { readonly connectionId: number } & (
  | { readonly kind: 'connected' }
  | ({ readonly kind: 'demanded' } & RequestLine)
  | ({ readonly kind: 'challenged' } & RequestLine)
  | {
      readonly kind: 'accepted'
      readonly user: string
      readonly domain: string
      readonly dialect: string
      readonly micChecked: boolean
    }
  | { readonly kind: 'rejected'; readonly reason: string }
  | ({ readonly kind: 'answered'; readonly status: number } & RequestLine)
  | { readonly kind: 'closed' }
)

export interface RecordedRequest extends RequestLine {
  readonly connectionId: number
  readonly hadAuthorization: boolean
  /** Flat name, value list. A token is replaced by the type of its message. */
  readonly headers: readonly string[]
}

export interface UpstreamCounters {
  readonly connections: number
  /** NEGOTIATE and AUTHENTICATE messages that arrived, whatever became of them. */
  readonly type1s: number
  readonly type3s: number
  readonly accepted: number
  readonly rejected: number
}

/** Keeps what a test asks for afterwards and tells the demo what is going on. */
export class UpstreamJournal {
  readonly counters = { connections: 0, type1s: 0, type3s: 0, accepted: 0, rejected: 0 }
  readonly requests: RecordedRequest[] = []
  readonly #emit: (event: UpstreamEvent) => void

  constructor(emit: (event: UpstreamEvent) => void) {
    this.#emit = emit
  }

  /** @returns the number of the new connection */
  connected(): number {
    const connectionId = ++this.counters.connections
    this.#emit({ kind: 'connected', connectionId })
    return connectionId
  }

  closed(connectionId: number): void {
    this.#emit({ kind: 'closed', connectionId })
  }

  decided(connectionId: number, request: IncomingMessage, decision: GateDecision): void {
    const line = lineOf(request)
    this.#record(connectionId, request, line)
    if (decision.kind === 'demand') this.#emit({ kind: 'demanded', connectionId, ...line })
    if (decision.kind === 'challenge') this.#emit({ kind: 'challenged', connectionId, ...line })
    if (decision.kind === 'accept') {
      const { user, domain, dialect, micChecked } = decision.verdict
      this.counters.accepted++
      this.#emit({ kind: 'accepted', connectionId, user, domain, dialect, micChecked })
    }
    if (decision.kind === 'reject') {
      this.counters.rejected++
      this.#emit({ kind: 'rejected', connectionId, reason: decision.reason })
    }
  }

  answered(connectionId: number, request: IncomingMessage, status: number): void {
    this.#emit({ kind: 'answered', connectionId, ...lineOf(request), status })
  }

  #record(connectionId: number, request: IncomingMessage, line: RequestLine): void {
    const field = request.headers['proxy-authorization']
    const token = describeToken(field ?? '')
    if (token === 'type 1') this.counters.type1s++
    if (token === 'type 3') this.counters.type3s++
    const headers = request.rawHeaders.map((text, index, all) => {
      const name = index % 2 === 1 ? (all[index - 1] ?? '') : ''
      return name.toLowerCase() === 'proxy-authorization' ? `[${token}]` : text
    })
    this.requests.push({ connectionId, ...line, hadAuthorization: field !== undefined, headers })
  }
}

function lineOf({ method = '', url = '' }: IncomingMessage): RequestLine {
  return { method, target: url }
}
