import type { ServerResponse } from 'node:http'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { IdleWatch, ProxyError, Roster } from '../core/index.ts'
import type { ClientAddress } from '../net/index.ts'
import { checkAccess } from '../policy/index.ts'
import type { Way } from '../upstream/index.ts'
import { giveUpReader } from './answer-sink.ts'
import { ClientConnection } from './client-connection.ts'
import { type ClientCounts, REFUSED_CLIENT_MS } from './client-counts.ts'
import { type ConnectContext, handleConnect } from './connect-handler.ts'
import { blameClientAccount } from './client-logon.ts'
import type { CurrentDependencies, ProxyDependencies } from './dependencies.ts'
import { type ErrorPage, errorPage } from './error-page.ts'
import type { ClientStream, Frontend, WorkInProgress } from './frontend.ts'
import { handleForward } from './forward-handler.ts'
import { relayTunnel, type TunnelEnds, whenOver } from './open-tunnel.ts'
import { writePage } from './raw-response.ts'
import type { RequestScope } from './request-scope.ts'
import { handleUpgrade } from './upgrade-handler.ts'
import { Workload } from './workload.ts'

const MAX_HEADER_BYTES = 64 * 1024

/** Of a target so many characters stand in the log. */
const MAX_LOGGED_TARGET = 2048

/** How long a body that nobody wants is read on after an answer of our own, before the connection is cut. */
const UNWANTED_BODY_MS = 5_000

/**
 * The client's side of the proxy. node:http reads requests (its parser is the strict one of the two that ever see
 * bytes of strangers); everything after that is decided here. It does not listen: connections are handed to it.
 */
export class HttpFrontend implements Frontend {
  readonly #current: CurrentDependencies
  readonly #clients: ClientCounts
  readonly #server: Server
  readonly #connections = new Roster<ClientConnection>()
  readonly #byStream = new WeakMap<Duplex, ClientConnection>()
  readonly #work: Workload
  #isDraining = false

  constructor(current: CurrentDependencies, clients: ClientCounts) {
    this.#current = current
    this.#clients = clients
    this.#work = new Workload(current)
    // Time limits are ours: node's would cut long uploads, and they are not tied to the injected clock.
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      // Refused with a page of ours.
      requireHostHeader: false,
    })
    // node would leave out what exceeds its number of fields; the size of the header is limit enough.
    server.maxHeadersCount = 0
    // A client that closes its sending side after the request still gets the answer.
    Object.assign(server, { httpAllowHalfOpen: true })
    server.on('request', (request, response) => this.#onRequest(request, response))
    server.on('checkContinue', (request, response) => this.#onRequest(request, response))
    server.on('connect', (request, stream, early) =>
      this.#onDetached(request, stream, early, handleConnect),
    )
    server.on('upgrade', (request, stream, early) =>
      this.#onDetached(request, stream, early, handleUpgrade),
    )
    server.on('clientError', (error, stream) => this.#onClientError(error, stream))
    this.#server = server
  }

  get requestsInProgress(): number {
    return this.#work.size
  }

  get workInProgress(): readonly WorkInProgress[] {
    return this.#work.inProgress
  }

  accept(stream: ClientStream, client: ClientAddress): void {
    const deps = this.#current()
    const { acl, clock, emit, nextRequestId } = deps
    const label = `${client.address}:${client.port}`
    stream.on('error', ignore)
    const verdict = checkAccess(acl, client.address)
    if (!verdict.allowed) {
      emit({ type: 'client.denied', client: label, rule: verdict.rule })
      if (!this.#clients.tells(stream)) return
      const error = new ProxyError('CLIENT_DENIED', { detail: client.address })
      writePage(stream, this.#page(error, nextRequestId(), undefined), clock)
      return
    }
    const admission = this.#clients.admit(stream, client, deps)
    if (admission.kind === 'dropped') return
    const isRefused = admission.kind === 'refused'
    const headerTimeoutMs = isRefused ? REFUSED_CLIENT_MS : deps.headerTimeoutMs
    const connection = new ClientConnection({
      stream,
      label,
      address: client.address,
      clock,
      headerTimeoutMs,
      idleMs: isRefused ? REFUSED_CLIENT_MS : deps.clientIdleMs,
      ...(isRefused ? { refusal: admission.error } : {}),
      bytesRead: () => stream.bytesRead ?? 0,
      onHeaderTimeout: () =>
        this.#refuse(
          connection,
          new ProxyError('CLIENT_TIMEOUT', {
            detail: `no complete header within ${headerTimeoutMs} ms`,
          }),
        ),
    })
    this.#connections.add(connection)
    this.#byStream.set(stream, connection)
    stream.once('close', () => {
      connection.closed()
      this.#connections.remove(connection)
    })
    if (this.#isDraining) connection.drain()
    else this.#server.emit('connection', stream)
  }

  async drain(): Promise<void> {
    this.#isDraining = true
    for (const connection of this.#connections.list()) connection.drain()
    await this.#work.quiet()
  }

  destroy(): number {
    const cut = this.#work.abort()
    for (const { stream } of this.#connections.list()) stream.destroy()
    return cut
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#byStream.get(request.socket)
    if (connection === undefined) return
    if (isPing(request)) {
      return connection.serve(async () => this.#answerPing(connection, response))
    }
    const { refusal } = connection
    if (refusal !== undefined) {
      return connection.serve(async () => this.#turnAway(refusal, request, response))
    }
    connection.serve(async () => {
      const deps = this.#current()
      const scope = this.#open(connection, request)
      const closed = new Promise<void>(resolve => response.once('close', resolve))
      response.once('close', () => {
        if (!response.writableFinished) scope.abort()
      })
      if (response.destroyed || request.socket.destroyed) scope.abort()
      try {
        await handleForward(deps, scope, connection, request, response)
      } catch (thrown) {
        this.#answerError(scope, failureOf(thrown, scope, deps), request, response)
      }
      // As a rule the system has taken all of it.
      if (response.writableLength === 0) await closed
      else await this.#whenRead(closed, connection, scope)
      this.#work.close(scope)
    })
  }

  /** The answer is complete, but a part of it still waits for the client to read. */
  async #whenRead(
    closed: Promise<void>,
    { stream }: ClientConnection,
    scope: RequestScope,
  ): Promise<void> {
    const { bodyTimeoutMs, clock } = this.#current()
    const watch = new IdleWatch(clock, bodyTimeoutMs, () =>
      giveUpReader(stream, scope, bodyTimeoutMs),
    )
    watch.start()
    await closed
    watch.stop()
  }

  /** Says that a limit is reached, and closes the connection. */
  async #turnAway(
    error: ProxyError,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const closed = new Promise<void>(resolve => response.once('close', resolve))
    this.#respond(this.#page(error, this.#current().nextRequestId(), request), request, response)
    await closed
  }

  /** It asks for nothing, so there is no access line: a health check every few seconds would bury the others. */
  async #answerPing(connection: ClientConnection, response: ServerResponse): Promise<void> {
    const closed = new Promise<void>(resolve => response.once('close', resolve))
    response.writeHead(200, {
      'Content-Length': 0,
      ...(this.#isDraining || connection.refusal !== undefined ? { Connection: 'close' } : {}),
    })
    response.end()
    await closed
  }

  #onDetached(
    request: IncomingMessage,
    stream: Duplex,
    early: Buffer,
    handle: (
      context: ConnectContext,
      request: IncomingMessage,
      early: Buffer,
    ) => Promise<TunnelEnds | undefined>,
  ): void {
    const connection = this.#byStream.get(stream)
    if (connection === undefined) return
    const { refusal } = connection
    if (refusal !== undefined) {
      const { clock, nextRequestId } = this.#current()
      return writePage(stream, this.#page(refusal, nextRequestId(), request), clock)
    }
    connection.serve(async () => {
      const deps = this.#current()
      const scope = this.#open(connection, request)
      const onClose = (): void => scope.abort()
      stream.once('close', onClose)
      let ends: TunnelEnds | undefined
      try {
        ends = await handle({ deps, scope, connection }, request, early)
      } catch (thrown) {
        const error = failureOf(thrown, scope, deps)
        this.#work.noteFailure(scope, error)
        scope.status = error.status
        writePage(stream, this.#page(error, scope.id, request, scope.trace.way), deps.clock)
      }
      stream.off('close', onClose)
      if (ends === undefined) return this.#work.close(scope)
      // Not awaited here: what belongs to the request would be kept for as long as the tunnel lasts.
      return this.#relay(deps, scope, ends)
    })
  }

  #relay(deps: ProxyDependencies, scope: RequestScope, ends: TunnelEnds): Promise<void> {
    const tunnel = relayTunnel(deps, scope, ends)
    this.#work.addTunnel(tunnel)
    return whenOver(tunnel, scope).then(() => this.#work.close(scope))
  }

  #open(connection: ClientConnection, request: IncomingMessage): RequestScope {
    return this.#work.open({
      client: connection.label,
      method: request.method ?? '',
      target: loggable(request.url ?? ''),
    })
  }

  #answerError(
    scope: RequestScope,
    error: ProxyError,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    this.#work.noteFailure(scope, error)
    if (response.headersSent || response.destroyed) {
      if (!response.headersSent) scope.status = error.status
      response.destroy()
      return
    }
    scope.status = error.status
    this.#respond(this.#page(error, scope.id, request, scope.trace.way), request, response)
  }

  #respond({ head, body }: ErrorPage, request: IncomingMessage, response: ServerResponse): void {
    // RFC 9110 section 15.5.9: the server does not wait for the rest of a request that it answers 408.
    const isLast = this.#isDraining || head.status === 408 || this.#isRefused(request)
    const headers = isLast ? [...head.headers, 'Connection', 'close'] : [...head.headers]
    response.sendDate = false
    response.writeHead(head.status, head.reason, headers)
    response.end(body)
    if (request.complete) return
    const { socket } = request
    const timer = this.#current().clock.setTimer(UNWANTED_BODY_MS, () => socket.destroy())
    request.once('close', () => timer.cancel())
    request.once('end', () => timer.cancel())
  }

  #isRefused({ socket }: IncomingMessage): boolean {
    return this.#byStream.get(socket)?.refusal !== undefined
  }

  /** llhttp refused what came, or the connection broke. */
  #onClientError(error: Error & { code?: string }, stream: Duplex): void {
    const connection = this.#byStream.get(stream)
    if (connection === undefined || error.code === 'ECONNRESET' || error.code === 'EPIPE') {
      stream.destroy()
      return
    }
    const isTooLarge =
      error.code === 'HPE_HEADER_OVERFLOW' || error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW'
    const detail = `${error.message.replace(/^Parse Error:?\s*/, '')}${error.code === undefined ? '' : ` (${error.code})`}`
    this.#refuse(
      connection,
      new ProxyError(isTooLarge ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST', { detail }),
    )
  }

  /** Answers what is no request, unless an answer is already on its way, and ends the connection. */
  #refuse(connection: ClientConnection, error: ProxyError): void {
    const { clock, emit, nextRequestId } = this.#current()
    emit({
      type: 'client.malformed',
      client: connection.label,
      error: error.code,
      reason: error.detail ?? error.message,
    })
    if (connection.isBusy) connection.stream.destroy()
    else writePage(connection.stream, this.#page(error, nextRequestId(), undefined), clock)
  }

  #page(
    error: ProxyError,
    requestId: string,
    request: IncomingMessage | undefined,
    way?: Way,
  ): ErrorPage {
    const accept = request?.headers.accept
    return errorPage(error, { requestId, accept, isHead: request?.method === 'HEAD', way })
  }
}

/** Made once: one for each stream would keep what surrounds it. Whoever reads or writes hears of the error too. */
const ignore = (): void => undefined

function failureOf(thrown: unknown, scope: RequestScope, deps: ProxyDependencies): ProxyError {
  const { identity } = scope
  return blameClientAccount(thrown, identity !== undefined && identity !== deps.accounts.own)
}

/** RFC 9110 section 9.3.7: OPTIONS of the asterisk is about this server itself, "only useful as a ping or no-op". */
function isPing({ method, url }: IncomingMessage): boolean {
  return method === 'OPTIONS' && url === '*'
}

/** A target without what may be secret: user information, query and fragment. */
function loggable(url: string): string {
  if (!/[?#@]/.test(url) && url.length <= MAX_LOGGED_TARGET) return url
  return url
    .replace(/[?#].*$/, '')
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, '$1')
    .slice(0, MAX_LOGGED_TARGET)
}
