import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ProxyError } from '../core/index.ts'
import { formatHttpDate } from '../http1/index.ts'
import type { ClientConnection } from './client-connection.ts'
import type { CurrentDependencies } from './dependencies.ts'
import { type ErrorPage, errorPage } from './error-page.ts'
import { hasKnownFraming } from './outgoing-request.ts'
import { writePage } from './raw-response.ts'
import type { RequestScope } from './request-scope.ts'

/** The request that a response belongs to, as in its access record. */
type AnsweredRequest = Pick<RequestScope, 'id' | 'trace'>

/** This proxy's own responses to HTTP clients. */
export class OwnAnswers {
  readonly #current: CurrentDependencies

  constructor(current: CurrentDependencies) {
    this.#current = current
  }

  /** Includes Date, which is not added anywhere else (RFC 9110 section 6.6.1). */
  page(
    error: ProxyError,
    request: IncomingMessage | undefined,
    about?: AnsweredRequest,
  ): ErrorPage {
    const { id: requestId, trace } = about ?? {
      id: this.#current().nextRequestId(),
      trace: undefined,
    }
    const accept = request?.headers.accept
    const isHead = request?.method === 'HEAD'
    const { head, body } = errorPage(error, { requestId, accept, isHead, way: trace?.way })
    const date = formatHttpDate(this.#current().clock.wallMs())
    return { head: { ...head, headers: ['Date', date, ...head.headers] }, body }
  }

  /** Answers on a stream that node:http does not write to. */
  write(
    stream: Duplex,
    error: ProxyError,
    request?: IncomingMessage,
    about?: AnsweredRequest,
  ): void {
    writePage(stream, this.page(error, request, about), this.#current().clock)
  }

  /** Answers a request. @param closes ends the connection afterwards. */
  respond(
    error: ProxyError,
    request: IncomingMessage,
    response: ServerResponse,
    { scope, closes }: { readonly scope?: AnsweredRequest; readonly closes: boolean },
  ): void {
    const { head, body } = this.page(error, request, scope)
    // RFC 9110 section 15.5.9: a server does not wait for the rest of a request that it answers with 408. If the end of
    // a request is unknown, the next one cannot be found (RFC 9112 section 6.3).
    const isLast = closes || head.status === 408 || !hasKnownFraming(request)
    const headers = isLast ? [...head.headers, 'Connection', 'close'] : [...head.headers]
    response.sendDate = false
    response.writeHead(head.status, head.reason, headers)
    response.end(body)
  }

  /** Sends the refusal and closes the connection. */
  async turnAway(
    error: ProxyError,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const closed = new Promise<void>(resolve => response.once('close', resolve))
    this.respond(error, request, response, { closes: true })
    await closed
  }

  /** No access record is written: a health check every few seconds would bury the others. */
  async answerPing(
    { isDraining, refusal }: ClientConnection,
    response: ServerResponse,
  ): Promise<void> {
    const closed = new Promise<void>(resolve => response.once('close', resolve))
    response.writeHead(200, {
      'Content-Length': 0,
      ...(isDraining || refusal !== undefined ? { Connection: 'close' } : {}),
    })
    response.end()
    await closed
  }
}
