import type { Duplex } from 'node:stream'
import { type Clock, toProxyError } from '../core/index.ts'
import {
  appendVia,
  endToEndResponseHeaders,
  FieldNames,
  type ResponseHead,
  serializeResponseHead,
  withoutHeaders,
} from '../http1/index.ts'
import type { Delivered } from '../upstream/index.ts'
import { answerSink } from './answer-sink.ts'
import { breakOff } from './break-off.ts'
import type { ProxyDependencies } from './dependencies.ts'
import type { ErrorPage } from './error-page.ts'
import { endStream } from './linger.ts'
import type { RequestScope } from './request-scope.ts'

const LENGTH = new FieldNames(['content-length'])

/**
 * Sends a response on a stream that node:http has released (CONNECT, Upgrade). The connection ends with the response,
 * which therefore needs no framing.
 */
export async function relayRaw(
  stream: Duplex,
  { exchange, lease }: Delivered,
  scope: RequestScope,
  { bodyTimeoutMs, clock, pseudonym }: ProxyDependencies,
): Promise<void> {
  const onClose = (): void => lease.discard()
  stream.once('close', onClose)
  const { head, framing } = exchange
  const headers = answerHeaders(head, framing.kind === 'length', pseudonym)
  stream.write(
    serializeResponseHead('1.1', { ...head, headers: [...headers, 'Connection', 'close'] }),
    'latin1',
  )
  scope.responded(head.status)
  const sink = answerSink(stream, stream, scope, { clock, bodyTimeoutMs })
  try {
    await exchange.relayTo(sink)
    stream.off('close', onClose)
    if (exchange.isReusable) lease.release()
    else lease.discard()
    endStream(stream, clock)
  } catch (error) {
    scope.fail(toProxyError(error))
    lease.discard()
    breakOff(stream)
  } finally {
    sink.end()
  }
}

/** The fields of an upstream's response as sent to the client. Content-Length stays only where it is the framing. */
export function answerHeaders(
  head: ResponseHead,
  keepsLength: boolean,
  pseudonym: string,
): string[] {
  const fields = endToEndResponseHeaders(head.headers)
  const headers = keepsLength ? fields : withoutHeaders(fields, LENGTH)
  appendVia(headers, head.version, pseudonym)
  return headers
}

export function writePage(stream: Duplex, { head, body }: ErrorPage, clock: Clock): void {
  if (stream.destroyed || stream.writableEnded) return
  stream.write(
    serializeResponseHead('1.1', { ...head, headers: [...head.headers, 'Connection', 'close'] }),
    'latin1',
  )
  stream.write(body)
  endStream(stream, clock)
}
