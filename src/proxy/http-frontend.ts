import type { ServerResponse } from 'node:http'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatHostPort, IdleWatch, ProxyError, Roster } from '../core/index.ts'
import type { ClientAddress } from '../net/index.ts'
import { type AccessRule, checkAccess } from '../policy/index.ts'
import { giveUpReader } from './answer-sink.ts'
import { ClientConnection, MOST_WAITING } from './client-connection.ts'
import { type ClientCounts, REFUSED_CLIENT_MS } from './client-counts.ts'
import { type ConnectContext, handleConnect } from './connect-handler.ts'
import { blameClientAccount } from './client-logon.ts'
import type { CurrentDependencies, ProxyDependencies } from './dependencies.ts'
import type { ClientStream, Frontend, WorkInProgress } from './frontend.ts'
import { handleForward } from './forward-handler.ts'
import { closeBehindAnswer, endStream, readRest } from './linger.ts'
import { relayTunnel, type TunnelEnds, whenOver } from './open-tunnel.ts'
import { refuseBadFraming, refuseOtherExpectations } from './outgoing-request.ts'
import { OwnAnswers } from './own-answers.ts'
import { ReadAhead } from './read-ahead.ts'
import type { RequestScope } from './request-scope.ts'
import { handleUpgrade } from './upgrade-handler.ts'
import { Workload } from './workload.ts'

const MAX_HEADER_BYTES = 64 * 1024

/** Characters of a target that are logged. */
const MAX_LOGGED_TARGET = 2048

type Handle = (
  context: ConnectContext,
  request: IncomingMessage,
  ahead: ReadAhead,
) => Promise<TunnelEnds | undefined>

/**
 * The client side of the proxy. node:http parses requests (of the two parsers that are exposed to untrusted bytes it is
 * the strict one); everything after that is decided here. It does not listen: connections are handed to it.
 */
export class HttpFrontend implements Frontend {
  readonly #current: CurrentDependencies
  readonly #clients: ClientCounts
  readonly #server: Server
  readonly #connections = new Roster<ClientConnection>()
  readonly #byStream = new WeakMap<Duplex, ClientConnection>()
  readonly #work: Workload
  readonly #answers: OwnAnswers
  #isDraining = false

  constructor(current: CurrentDependencies, clients: ClientCounts) {
    this.#current = current
    this.#clients = clients
    this.#work = new Workload(current)
    this.#answers = new OwnAnswers(current)
    // Timeouts are our own: node's would cut off long uploads, and do not use the injected clock.
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
      // Refused with our own error page.
      requireHostHeader: false,
    })
    // node would drop fields beyond its maximum number; the header size limit is enough.
    server.maxHeadersCount = 0
    // A client that half-closes after its request still gets the response.
    Object.assign(server, { httpAllowHalfOpen: true })
    server.on('request', (request, response) => this.#onRequest(request, response))
    server.on('checkContinue', (request, response) => this.#onRequest(request, response))
    // Otherwise node would respond itself, ahead of pipelined requests.
    server.on('checkExpectation', (request, response) => this.#onRequest(request, response))
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
    const { acl, clock } = deps
    const { address } = client
    const label = formatHostPort({ host: address, port: client.port })
    stream.on('error', ignore)
    const denial = this.#denial(acl, label, address)
    if (denial !== undefined) {
      if (this.#clients.tells(stream)) this.#answers.write(stream, denial)
      return
    }
    const admission = this.#clients.admit(stream, client, deps)
    if (admission.kind === 'dropped') return
    const isRefused = admission.kind === 'refused'
    const headerTimeoutMs = isRefused ? REFUSED_CLIENT_MS : deps.headerTimeoutMs
    const connection = new ClientConnection({
      stream,
      label,
      address,
      acl,
      clock,
      headerTimeoutMs,
      idleMs: isRefused ? REFUSED_CLIENT_MS : deps.clientIdleMs,
      ...(isRefused ? { refusal: admission.error } : { place: admission.place }),
      bytesRead: () => stream.bytesRead ?? 0,
      onHeaderTimeout: () =>
        this.#refuse(
          connection,
          new ProxyError('CLIENT_TIMEOUT', {
            detail: `no complete header within ${headerTimeoutMs} ms`,
          }),
        ),
      onFlood: detail => this.#cut(connection, detail),
    })
    // node:http calls this after the last response; its own version would reset data that is still being sent.
    stream.destroySoon = () => closeBehindAnswer(stream, connection.lastRequest, clock)
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
    // node:http still parses what it has already read, and what arrives while a response is being sent.
    if (connection === undefined || connection.isOver) return
    connection.lastRequest = request
    connection.serve(async () => {
      await this.#answer(connection, request, response)
      const { clock } = this.#current()
      const end = (): void => endStream(connection.stream, clock)
      connection.onBadBody = end
      if (connection.failsIn(request)) end()
      else await readRest(request, connection.stream, clock)
      connection.onBadBody = undefined
      if (connection.lastRequest === request) connection.lastRequest = undefined
    })
  }

  #answer(
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const refusal = this.#refusalOf(connection)
    const isLimit = refusal?.code === 'CLIENT_LIMIT'
    if (isPing(request) && (refusal === undefined || isLimit)) {
      return this.#answers.answerPing(connection, response)
    }
    if (refusal !== undefined) return this.#answers.turnAway(refusal, request, response)
    return this.#forward(connection, request, response)
  }

  async #forward(
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const deps = this.#current()
    const scope = this.#open(connection, request)
    const closed = new Promise<void>(resolve => response.once('close', resolve))
    // Raw responses bypass it, and end the connection.
    const { stream } = connection
    const isWrittenRaw = (): boolean => stream.writableEnded && !response.headersSent
    response.once('close', () => {
      if (!response.writableFinished && !isWrittenRaw()) connection.abort(scope)
    })
    connection.onGone = () => {
      if (response.headersSent) return
      scope.clientGone()
      connection.stream.destroy()
    }
    connection.onBadBody = () => {
      if (!response.headersSent && connection.failsIn(request)) connection.abort(scope)
    }
    if (response.destroyed || request.socket.destroyed) scope.abort()
    else if (connection.failsIn(request)) connection.abort(scope)
    try {
      refuseBadFraming(request)
      refuseOtherExpectations(request)
      await handleForward(deps, scope, connection, request, response)
    } catch (thrown) {
      const error = failureOf(thrown, scope, deps)
      const isCutOff = error.code === 'CLIENT_ABORTED'
      const isOurs = connection.failsIn(request) || connection.stream.destroyed
      const cause = isCutOff && isOurs ? connection.failure : undefined
      this.#answerError(scope, cause ?? error, request, response)
    }
    connection.onBadBody = undefined
    connection.onGone = undefined
    if (isWrittenRaw()) return this.#work.close(scope)
    // Usually the system has already taken the whole response.
    if (response.writableLength === 0) await closed
    else await this.#whenRead(closed, connection, scope)
    this.#work.close(scope)
  }

  /** Why a client is refused: a limit, or rules that have changed since its connection was admitted. */
  #refusalOf(connection: ClientConnection): ProxyError | undefined {
    const { acl } = this.#current()
    if (connection.acl !== acl && connection.refusal === undefined) {
      connection.acl = acl
      const denial = this.#denial(acl, connection.label, connection.address)
      if (denial !== undefined) connection.refuse(denial)
    }
    return connection.refusal
  }

  #denial(acl: readonly AccessRule[], client: string, address: string): ProxyError | undefined {
    const { allowed, rule } = checkAccess(acl, address)
    if (allowed) return undefined
    this.#current().emit({ type: 'client.denied', client, rule })
    return new ProxyError('CLIENT_DENIED', { detail: address })
  }

  /** The response is complete, but the client has not read all of it yet. */
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

  #onDetached(request: IncomingMessage, stream: Duplex, early: Buffer, handle: Handle): void {
    const connection = this.#byStream.get(stream)
    if (connection === undefined || connection.isOver) return
    connection.lastRequest = undefined
    connection.serve(async () => {
      const refusal = this.#refusalOf(connection)
      if (refusal !== undefined) return this.#answers.write(stream, refusal, request)
      const deps = this.#current()
      const scope = this.#open(connection, request)
      const onClose = (): void => connection.abort(scope)
      stream.once('close', onClose)
      const onGone = (): void => scope.clientGone()
      const ahead = new ReadAhead(stream, early, { clock: deps.clock, onGone })
      let ends: TunnelEnds | undefined
      try {
        ends = await handle({ deps, scope, connection }, request, ahead)
      } catch (thrown) {
        ahead.take()
        const error = failureOf(thrown, scope, deps)
        this.#work.noteFailure(scope, error)
        scope.status = error.status
        this.#answers.write(stream, error, request, scope)
      }
      stream.off('close', onClose)
      if (ends === undefined) return this.#work.close(scope)
      // Not awaited here: the objects of the request would be kept for as long as the tunnel lasts.
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
    const closes = this.#isDraining || connectionFails(error)
    this.#answers.respond(error, request, response, { scope, closes })
  }

  /** llhttp rejected the input, or the connection broke. */
  #onClientError(error: Error & { code?: string }, stream: Duplex): void {
    const connection = this.#byStream.get(stream)
    const isGone = error.code === 'ECONNRESET' || error.code === 'EPIPE'
    if (connection === undefined || isGone || isCutOff(error, connection)) {
      stream.destroy()
      return
    }
    // node repeats the error for every further piece of input.
    if (connection.failure !== undefined) return
    const isTooLarge =
      error.code === 'HPE_HEADER_OVERFLOW' || error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW'
    const detail = `${error.message.replace(/^Parse Error:?\s*/, '')}${error.code === undefined ? '' : ` (${error.code})`}`
    this.#refuse(
      connection,
      new ProxyError(isTooLarge ? 'HEADERS_TOO_LARGE' : 'BAD_REQUEST', { detail }),
    )
  }

  /** Answers invalid input after all pending responses, and ends the connection. */
  #refuse(connection: ClientConnection, error: ProxyError): void {
    connection.failure = error
    if (connection.lastRequest?.complete === false) {
      // The error is the response to this request, and its access record says so.
      connection.onBadBody?.()
      return
    }
    this.#current().emit({
      type: 'client.malformed',
      client: connection.label,
      error: error.code,
      reason: error.detail ?? error.message,
    })
    connection.serve(() => {
      this.#answers.write(connection.stream, error)
      return Promise.resolve()
    })
  }

  /** Ends the connection of a client that sends more ahead than is kept for it. */
  #cut(connection: ClientConnection, detail: string): void {
    connection.failure = new ProxyError('BAD_REQUEST', { detail })
    this.#current().emit({
      type: 'client.refused',
      client: connection.label,
      limit: 'pipelining',
      most: MOST_WAITING,
    })
    connection.stream.destroy()
  }
}

/** Shared: a closure per stream would keep its scope alive. Readers and writers get the error too. */
const ignore = (): void => undefined

function failureOf(thrown: unknown, scope: RequestScope, deps: ProxyDependencies): ProxyError {
  const { identity } = scope
  return blameClientAccount(thrown, identity !== undefined && identity !== deps.accounts.own)
}

/** After these errors the client must open a new connection. */
function connectionFails({ code }: ProxyError): boolean {
  return code === 'BAD_REQUEST' || code === 'HEADERS_TOO_LARGE'
}

/** The client half-closed in the middle of a body: it expects no response. */
function isCutOff(error: { code?: string }, { lastRequest }: ClientConnection): boolean {
  return error.code === 'HPE_INVALID_EOF_STATE' && lastRequest?.complete === false
}

/** RFC 9110 section 9.3.7: OPTIONS with an asterisk is about this server itself, "only useful as a ping or no-op". */
function isPing({ method, url }: IncomingMessage): boolean {
  return method === 'OPTIONS' && url === '*'
}

/** A target without the parts that may be secret: user information, query and fragment. */
function loggable(url: string): string {
  if (!/[?#@]/.test(url) && url.length <= MAX_LOGGED_TARGET) return url
  return url
    .replace(/[?#].*$/, '')
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, '$1')
    .slice(0, MAX_LOGGED_TARGET)
}
