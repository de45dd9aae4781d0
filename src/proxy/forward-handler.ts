import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatHostPort, ProxyError, toProxyError } from '../core/index.ts'
import {
  type AbsoluteForm,
  arePlain,
  endToEndResponseHeaders,
  endToEndTrailers,
  parseAbsoluteForm,
  type RequestHead,
  type ResponseHead,
  serializeResponseHead,
} from '../http1/index.ts'
import {
  type Call,
  type Carrier,
  deliver,
  type Delivered,
  type Exchange,
  type Lease,
  type Way,
} from '../upstream/index.ts'
import { answerSink } from './answer-sink.ts'
import { breakOff } from './break-off.ts'
import type { ClientConnection } from './client-connection.ts'
import { bindsConnection, demandFields, identityFor, originRightsOf } from './client-logon.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { findCarriers } from './find-carriers.ts'
import { answerAsLast, forwardsLeft } from './max-forwards.ts'
import {
  isIdempotent,
  refuseLoop,
  requestBody,
  requestForOrigin,
  requestForUpstream,
} from './outgoing-request.ts'
import { answerHeaders, relayRaw } from './raw-response.ts'
import { forwardPatience } from './rate-limit.ts'
import type { RequestScope } from './request-scope.ts'

const NOTHING = Buffer.alloc(0)

export interface Passage {
  /** host:port of the target. */
  readonly label: string
  readonly requestFor: Call['requestFor']
  readonly carriers: readonly Carrier[]
}

/** Serves a plain HTTP request in absolute form, streaming both ways. @throws ProxyError before any response was sent. */
export async function handleForward(
  deps: ProxyDependencies,
  scope: RequestScope,
  connection: ClientConnection,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (forwardsLeft(request) === 0) {
    targetOf(request, deps)
    return answerAsLast(deps, scope, request, response)
  }
  const { label, requestFor, carriers } = await choosePassage(deps, scope, connection, request)
  const expectsContinue = /^100-continue$/i.test(request.headers.expect ?? '')
  const body = requestBody(request, deps, () => {
    if (expectsContinue && !response.headersSent) response.writeContinue()
  })
  const call: Call = {
    requestFor,
    body,
    isIdempotent: isIdempotent(request.method ?? ''),
    signal: scope.signal,
    onInformational: head => passOnInformational(request, response, head),
    trace: scope.trace,
    patience: forwardPatience(deps, connection.stream, request.method ?? '', body),
    client: connection.address,
    owner: connection.ownsSessions ? connection : undefined,
  }
  try {
    const delivered = await deliver(carriers, call, deps)
    if (bindsConnection(request)) connection.takeOver(delivered.lease, label)
    await relayAnswer(deps, scope, connection, response, delivered)
  } finally {
    scope.bytesIn = body?.bytesRead ?? 0
  }
}

/**
 * The routes for a request in absolute form, and its head on each of them.
 * @throws ProxyError BAD_TARGET, BAD_REQUEST, LOOP_DETECTED, NOT_SUPPORTED, CLIENT_AUTH_*.
 */
export async function choosePassage(
  deps: ProxyDependencies,
  scope: RequestScope,
  connection: ClientConnection,
  request: IncomingMessage,
): Promise<Passage> {
  const url = request.url ?? ''
  const target = targetOf(request, deps)
  scope.stage = 'upstream'
  const label = formatHostPort(target.authority)
  const rights = connection.logsOnItselfAt(label)
    ? { identity: undefined, basic: undefined }
    : originRightsOf(request, deps)
  const carriers = await findCarriers(deps, {
    target: target.authority,
    url,
    clientAddress: connection.address,
    signal: scope.signal,
    identity: () => (scope.identity = identityFor(request, deps)),
    direct: permission => {
      if (target.scheme !== 'http') {
        const detail = `${target.scheme} URLs go through CONNECT, or through a parent proxy`
        throw new ProxyError('NOT_SUPPORTED', { detail })
      }
      return deps.directRoutes.originCarrier(target.authority, permission, rights)
    },
  })
  const requestFor = (way: Way): RequestHead =>
    way === 'upstream'
      ? requestForUpstream(request, target, deps)
      : requestForOrigin(request, target, deps, rights.basic !== undefined)
  return { label, requestFor, carriers }
}

/** @throws ProxyError BAD_TARGET, BAD_REQUEST, LOOP_DETECTED. */
function targetOf(request: IncomingMessage, deps: ProxyDependencies): AbsoluteForm {
  const url = request.url ?? ''
  const target = parseAbsoluteForm(url)
  if (target === undefined) throw badTarget(url)
  if (request.httpVersionMinor > 0 && request.headers.host === undefined) {
    // Required by RFC 9112 section 3.2.
    throw new ProxyError('BAD_REQUEST', { detail: 'an HTTP/1.1 request needs a Host field' })
  }
  refuseLoop(request, deps)
  return target
}

function badTarget(url: string): ProxyError {
  const detail = url.startsWith('/')
    ? 'the request is meant for a web server, not for a proxy'
    : 'the URL cannot be read'
  return new ProxyError('BAD_TARGET', { detail })
}

async function relayAnswer(
  deps: ProxyDependencies,
  scope: RequestScope,
  connection: ClientConnection,
  response: ServerResponse,
  delivered: Delivered,
): Promise<void> {
  const { exchange, lease } = delivered
  const { head, framing } = exchange
  // node:http would reject these fields. A raw response ends the client's connection.
  if (!arePlain(head.headers)) return relayRaw(connection.stream, delivered, scope, deps)
  const onClose = (): void => lease.discard()
  response.once('close', onClose)
  // Without a body, Content-Length gives the size of the body that a GET would have had (RFC 9110 section 8.6).
  const headers = answerHeaders(
    head,
    framing.kind === 'length' || framing.kind === 'none',
    deps.pseudonym,
  )
  if (scope.trace.way === 'direct') headers.push(...demandFields(head, scope.trace.upstream, deps))
  if (connection.isDraining) headers.push('Connection', 'close')
  response.sendDate = false
  response.writeHead(head.status, head.reason, headers)
  scope.responded(head.status)
  const whole = exchange.takeWhole()
  if (whole !== undefined) {
    scope.bytesOut = whole.length
    response.off('close', onClose)
    endLease(exchange, lease)
    response.end(whole)
    return
  }
  const sink = answerSink(response, connection.stream, scope, deps)
  try {
    const relayed = exchange.relayTo(sink)
    // node holds the head back until the body starts, which may take long (server-sent events). flushHeaders() would
    // write it in UTF-8.
    if (scope.bytesOut === 0) response.write(NOTHING)
    const trailers = endToEndTrailers(await relayed, head.headers)
    if (trailers.length > 0) response.addTrailers(asPairs(trailers))
    response.off('close', onClose)
    endLease(exchange, lease)
    response.end()
  } catch (error) {
    response.off('close', onClose)
    scope.fail(toProxyError(error))
    lease.discard()
    breakOff(response.socket ?? response)
  } finally {
    sink.end()
  }
}

function endLease(exchange: Exchange, lease: Lease): void {
  if (exchange.isReusable) lease.release()
  else lease.discard()
}

function asPairs(trailers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < trailers.length; i += 2)
    pairs.push([trailers[i] ?? '', trailers[i + 1] ?? ''])
  return pairs
}

/** Forwards 1xx to clients that know them (RFC 9110 section 15.2). 100 is sent by this proxy, when it wants the body. */
function passOnInformational(
  request: IncomingMessage,
  response: ServerResponse,
  head: ResponseHead,
): void {
  if (head.status === 100 || request.httpVersionMinor === 0 || response.headersSent) return
  response.socket?.write(
    serializeResponseHead('1.1', { ...head, headers: endToEndResponseHeaders(head.headers) }),
    'latin1',
  )
}
