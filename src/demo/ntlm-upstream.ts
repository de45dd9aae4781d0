import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type HostPort, parseHostPort } from '../core/index.ts'
import { ConnectionGate, type GateDecision } from './connection-gate.ts'
import { listen } from './listen.ts'
import type { AcceptorOptions } from './ntlm-acceptor.ts'
import {
  fieldsOf,
  forwardRequest,
  forwardUpgrade,
  openTunnel,
  type OwnAnswer,
  page,
  renderAnswer,
} from './relay.ts'
import {
  type RecordedRequest,
  type UpstreamCounters,
  type UpstreamEvent,
  UpstreamJournal,
} from './upstream-journal.ts'

export interface NtlmUpstreamOptions extends AcceptorOptions {
  readonly host?: string
  readonly port?: number
  /** Where a target really is: maps the names of the demo to the local origin. */
  readonly resolve?: (target: HostPort) => HostPort
  readonly onEvent?: (event: UpstreamEvent) => void
}

export interface NtlmUpstream {
  readonly address: HostPort
  readonly counters: UpstreamCounters
  readonly requests: readonly RecordedRequest[]
  /** Destroys every connection and stops listening. */
  close(): Promise<void>
}

/** Starts a forward proxy that demands NTLM of every connection, as Squid does, and lets nobody else through. */
export async function startNtlmUpstream(options: NtlmUpstreamOptions): Promise<NtlmUpstream> {
  const upstream = new Upstream(options)
  const address = await listen(upstream.server, options.host, options.port)
  const { counters, requests } = upstream.journal
  return { address, counters, requests, close: () => upstream.close() }
}

interface Connection {
  readonly id: number
  readonly gate: ConnectionGate
}

interface Destination {
  readonly to: HostPort
  readonly path: string
}

/** An idle connection lives as long as Squid lets it, in milliseconds. */
const KEEP_ALIVE_MS = 120_000

class Upstream {
  // Without time-out: node's default would cut uploads after five minutes.
  readonly server: Server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 })
  readonly journal: UpstreamJournal
  readonly #options: NtlmUpstreamOptions
  readonly #connections = new Map<Duplex, Connection>()

  constructor(options: NtlmUpstreamOptions) {
    this.#options = options
    this.journal = new UpstreamJournal(options.onEvent ?? (() => {}))
    this.server
      .on('connection', socket => this.#enter(socket))
      .on('request', (request, response) => this.#serve(request, response))
      .on('checkContinue', (request, response) => this.#serve(request, response))
      .on('connect', (request, socket, early) => this.#serveDetached(request, socket, early))
      .on('upgrade', (request, socket, early) => this.#serveDetached(request, socket, early))
      .on('clientError', (_error, socket) => socket.destroy())
  }

  close(): Promise<void> {
    return new Promise(done => {
      this.server.close(() => done())
      for (const socket of this.#connections.keys()) socket.destroy()
    })
  }

  #enter(socket: Duplex): void {
    // After a 407 to CONNECT the same socket comes in here again.
    if (this.#connections.has(socket)) return
    const id = this.journal.connected()
    this.#connections.set(socket, { id, gate: new ConnectionGate(this.#options) })
    // A reset needs no answer: 'close' follows it.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#connections.delete(socket)
      this.journal.closed(id)
    })
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const expectsContinue = request.headers.expect !== undefined
    const admitted = this.#admit(request)
    if ('status' in admitted) {
      // Whether an expected body still comes is unknown, so the connection cannot carry another request.
      const own = { ...admitted, closes: admitted.closes || expectsContinue }
      response.writeHead(own.status, own.reason, fieldsOf(own)).end(own.body)
      return
    }
    if (expectsContinue) response.writeContinue()
    forwardRequest(request, response, admitted.to, admitted.path, this.#onStatus(request))
  }

  /** CONNECT and Upgrade: node has let go of the socket, so a refusal is written by hand. */
  #serveDetached(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const admitted = this.#admit(request)
    const onStatus = this.#onStatus(request)
    if ('status' in admitted) {
      this.#refuseDetached(socket, early, admitted)
    } else if (request.method === 'CONNECT') {
      openTunnel(socket, early, admitted.to, onStatus)
    } else {
      forwardUpgrade(request, socket, early, admitted.to, admitted.path, onStatus)
    }
  }

  #refuseDetached(socket: Duplex, early: Buffer, answer: OwnAnswer): void {
    if (answer.closes) {
      socket.end(renderAnswer(answer))
      return
    }
    socket.write(renderAnswer(answer))
    // The next leg arrives on this connection: the server takes the socket back as if it were new.
    if (early.length > 0) socket.unshift(early)
    this.server.emit('connection', socket)
  }

  /** Where the request may go, or the answer that it gets instead. */
  #admit(request: IncomingMessage): Destination | OwnAnswer {
    const connection = this.#connections.get(request.socket)
    if (connection === undefined) return demandAnswer({ kind: 'demand', closes: true })
    const decision = connection.gate.decide(request.headers['proxy-authorization'])
    this.journal.decided(connection.id, request, decision)
    if (decision.kind !== 'pass' && decision.kind !== 'accept') return demandAnswer(decision)
    const destination = this.#locate(request)
    if (destination !== undefined) return destination
    this.#onStatus(request)(BAD_TARGET.status)
    return BAD_TARGET
  }

  #locate({ method, url = '' }: IncomingMessage): Destination | undefined {
    const absolute = /^http:\/\/([^/?#]+)([^#]*)/i.exec(url)
    const target =
      method === 'CONNECT' ? parseHostPort(url) : parseHostPort(absolute?.[1] ?? '', 80)
    if (target === undefined) return undefined
    const rest = absolute?.[2] ?? ''
    const to = this.#options.resolve?.(target) ?? target
    return { to, path: rest.startsWith('/') ? rest : `/${rest}` }
  }

  #onStatus(request: IncomingMessage): (status: number) => void {
    const id = this.#connections.get(request.socket)?.id ?? 0
    return status => this.journal.answered(id, request, status)
  }
}

const BAD_TARGET: OwnAnswer = {
  status: 400,
  reason: 'Bad Request',
  fields: [],
  closes: false,
  body: page('400 Bad Request', 'The request target is neither an http URL nor host:port.'),
}

function demandAnswer(decision: Exclude<GateDecision, { kind: 'pass' | 'accept' }>): OwnAnswer {
  const token = decision.kind === 'challenge' ? ` ${decision.token}` : ''
  return {
    status: 407,
    reason: 'Proxy Authentication Required',
    fields: ['Proxy-Authenticate', `NTLM${token}`],
    closes: decision.kind === 'demand' && decision.closes,
    body: page('407 Proxy Authentication Required', 'This proxy serves those who log on by NTLM.'),
  }
}
