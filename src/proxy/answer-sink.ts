import type { Duplex, Writable } from 'node:stream'
import { type Clock, IdleWatch, ProxyError } from '../core/index.ts'
import type { BodySink } from '../upstream/index.ts'
import { breakOff } from './break-off.ts'
import type { RequestScope } from './request-scope.ts'

export interface AnswerSink extends BodySink {
  /** The client's time runs no more. */
  end(): void
}

export interface AnswerSinkOptions {
  readonly clock: Clock
  /** How long a client may leave unread what is there for it; 0 is for ever. */
  readonly bodyTimeoutMs: number
}

/** Where the body of an answer goes. A client that stops reading would hold the connection to the upstream for ever. */
export function answerSink(
  to: Writable,
  client: Duplex,
  scope: RequestScope,
  { clock, bodyTimeoutMs }: AnswerSinkOptions,
): AnswerSink {
  const watch = new IdleWatch(clock, bodyTimeoutMs, () =>
    giveUpReader(client, scope, bodyTimeoutMs),
  )
  return {
    write: (chunk, giveBack) => {
      scope.bytesOut += chunk.length
      const wantsMore = to.write(chunk, giveBack)
      if (!wantsMore) watch.start()
      return wantsMore
    },
    onDrain: resume =>
      to.once('drain', () => {
        watch.stop()
        resume()
      }),
    end: () => watch.stop(),
  }
}

/** Ends the connection of a client that does not read its answer. */
export function giveUpReader(client: Duplex, scope: RequestScope, bodyTimeoutMs: number): void {
  const detail = `the answer was not read for ${bodyTimeoutMs} ms`
  scope.fail(new ProxyError('CLIENT_TIMEOUT', { detail }))
  breakOff(client)
}
