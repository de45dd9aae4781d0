import { type Clock, isProxyError, ProxyError, type Timer } from '../core/index.ts'
import type { UpstreamConnection } from './connection.ts'

/** How long a kept session may be silent before its upstream is checked; doubled with each check. */
const SILENCE_MS = 5_000

/** An upstream that accepts connections but answers nothing may be busy: it is probed a second time. */
const UNANSWERED_CHECKS = 2

/** An upstream that has never answered anything gets less time. */
const FIRST_SILENCE_MS = 1_500

interface Watched {
  readonly label: string
  readonly options: { readonly clock: Clock }
  readonly demand: 'unknown' | 'always' | 'sometimes'
  checkAlive(): Promise<void>
}

/**
 * If the upstream of a kept session vanished silently, a request would wait until the kernel gives up, a quarter of an hour later; if the
 * upstream hangs, for ever. So when no answer comes, the upstream is probed on a new connection: if that fails, the session is dead too.
 */
export function watchSilence(upstream: Watched, connection: UpstreamConnection): Timer {
  const { clock } = upstream.options
  const isUnknown = upstream.demand === 'unknown'
  let unanswered = isUnknown ? UNANSWERED_CHECKS - 1 : 0
  let timer: Timer | undefined
  const arm = (ms: number): void => {
    timer = clock.setTimer(ms, () => {
      arm(ms * 2)
      upstream.checkAlive().then(
        () => (unanswered = 0),
        (cause: unknown) => {
          const isSilent = isProxyError(cause) && cause.code === 'UPSTREAM_TIMEOUT'
          if (isSilent && ++unanswered < UNANSWERED_CHECKS) return
          connection.destroy(new ProxyError('UPSTREAM_SILENT', { detail: upstream.label, cause }))
        },
      )
    })
  }
  arm(isUnknown ? FIRST_SILENCE_MS : SILENCE_MS)
  return { cancel: () => timer?.cancel() }
}
