import type { Duplex, Writable } from 'node:stream'
import { type Clock, IdleWatch, ProxyError } from '../core/index.ts'
import type { BodySink } from '../upstream/index.ts'
import { breakOff } from './break-off.ts'
import type { RequestScope } from './request-scope.ts'

export interface AnswerSink extends BodySink {
  /** Stops the timeout for a client that does not read. */
  end(): void
}

export interface AnswerSinkOptions {
  readonly clock: Clock
  /** How long a client may leave available data unread; 0 is no limit. */
  readonly bodyTimeoutMs: number
}

/** The destination of a response body. Gives up on clients that stop reading, which would hold the upstream connection forever. */
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

/** Resets the connection of a client that does not read its response. */
export function giveUpReader(client: Duplex, scope: RequestScope, bodyTimeoutMs: number): void {
  const detail = `the answer was not read for ${bodyTimeoutMs} ms`
  scope.fail(new ProxyError('CLIENT_TIMEOUT', { detail }))
  breakOff(client)
}
