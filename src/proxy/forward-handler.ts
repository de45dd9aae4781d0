import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError, toProxyError } from '../core/index.ts'
import {
  type AbsoluteForm,
  endToEndResponseHeaders,
  parseAbsoluteForm,
  type RequestHead,
  type ResponseHead,
  serializeResponseHead,
} from '../http1/index.ts'
import { chooseRoute } from '../policy/index.ts'
import { type Call, type Carrier, deliver, type Delivered } from '../upstream/index.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ProxyDependencies } from './dependencies.ts'
import { directPermission } from './direct-permission.ts'
import {
  isIdempotent,
  refuseLoop,
  requestBody,
  requestForOrigin,
  requestForUpstream,
} from './outgoing-request.ts'
import { answerHeaders, breakOff } from './raw-response.ts'
import type { RequestScope } from './request-scope.ts'

const NOTHING = Buffer.alloc(0)

export interface Passage {
  readonly request: RequestHead
  readonly carriers: readonly Carrier[]
}

/** A plain HTTP request in absolute form, streamed both ways. @throws ProxyError before anything was answered. */
export async function handleForward(
  deps: ProxyDependencies,
  scope: RequestScope,
  connection: ClientConnection,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const passage = choosePassage(deps, scope, connection, request)
  const expectsContinue = /^100-continue$/i.test(request.headers.expect ?? '')
  const body = requestBody(request, () => {
    if (expectsContinue && !response.headersSent) response.writeContinue()
  })
  const call: Call = {
    request: passage.request,
    body,
    isIdempotent: isIdempotent(passage.request.method),
    signal: scope.signal,
    onInformational: head => passOnInformational(request, response, head),
    trace: scope.trace,
  }
  try {
    const delivered = await deliver(passage.carriers, call, deps.emit)
    await relayAnswer(deps, scope, connection, response, delivered)
  } finally {
    scope.bytesIn = body?.bytesRead ?? 0
  }
}

/** Where a request in absolute form goes, and how it reads. @throws ProxyError BAD_TARGET, BAD_REQUEST, LOOP_DETECTED. */
export function choosePassage(
  deps: ProxyDependencies,
  scope: RequestScope,
  connection: ClientConnection,
  request: IncomingMessage,
): Passage {
  const target = parseAbsoluteForm(request.url ?? '')
  if (target === undefined) throw badTarget(request.url ?? '')
  if (request.httpVersionMinor > 0 && request.headers.host === undefined) {
    // RFC 9112 section 3.2 leaves no choice.
    throw new ProxyError('BAD_REQUEST', { detail: 'an HTTP/1.1 request needs a Host field' })
  }
  refuseLoop(request, deps)
  scope.stage = 'upstream'
  if (chooseRoute(deps.noProxy, target.authority).kind === 'upstreams') {
    scope.route = 'upstream'
    return { request: requestForUpstream(request, target, deps), carriers: deps.carriers }
  }
  scope.route = 'direct'
  return {
    request: requestForOrigin(request, target, deps),
    carriers: [directCarrier(deps, connection, target)],
  }
}

function directCarrier(
  deps: ProxyDependencies,
  connection: ClientConnection,
  target: AbsoluteForm,
): Carrier {
  if (target.scheme !== 'http') {
    throw new ProxyError('NOT_SUPPORTED', {
      detail: `${target.scheme} URLs go through CONNECT, or through a parent proxy`,
    })
  }
  const { permits, scope } = directPermission(deps, connection.address)
  return deps.directRoutes.carrierTo(target.authority, permits, scope)
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
  { exchange, lease }: Delivered,
): Promise<void> {
  const { head, framing } = exchange
  const onClose = (): void => lease.discard()
  response.once('close', onClose)
  // Where no body follows, Content-Length tells about the body that a GET would have had (RFC 9110 section 8.6).
  const headers = answerHeaders(
    head,
    framing.kind === 'length' || framing.kind === 'none',
    deps.pseudonym,
  )
  if (connection.isDraining) headers.push('Connection', 'close')
  response.sendDate = false
  response.writeHead(head.status, head.reason, headers)
  scope.responded(head.status)
  try {
    const relayed = exchange.relayTo({
      write: chunk => {
        scope.bytesOut += chunk.length
        return response.write(chunk)
      },
      onDrain: resume => response.once('drain', resume),
    })
    // node keeps the head back until the body begins, which may take long (server-sent events). flushHeaders() would
    // write it in UTF-8.
    if (scope.bytesOut === 0) response.write(NOTHING)
    const trailers = await relayed
    if (trailers.length > 0) response.addTrailers(asPairs(trailers))
    response.off('close', onClose)
    if (exchange.isReusable) lease.release()
    else lease.discard()
    response.end()
  } catch (error) {
    response.off('close', onClose)
    scope.fail(toProxyError(error))
    lease.discard()
    breakOff(response.socket ?? response)
  }
}

function asPairs(trailers: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < trailers.length; i += 2)
    pairs.push([trailers[i] ?? '', trailers[i + 1] ?? ''])
  return pairs
}

/** 1xx go on to clients that know them (RFC 9110 section 15.2). 100 is answered here, when the body is wanted. */
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
