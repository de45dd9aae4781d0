import { ERRORS, ProxyError } from '../core/index.ts'
import type { AttemptPhase } from '../policy/index.ts'
import type { Carrier } from './carrier.ts'

/** Collects a call's failure at each candidate, for the error page when all of them fail. */
export class FailureReport {
  readonly #carriers: readonly Carrier[]
  readonly #failures = new Map<Carrier, { error: ProxyError; phase: AttemptPhase }>()

  constructor(carriers: readonly Carrier[]) {
    this.#carriers = carriers
  }

  note(carrier: Carrier, error: ProxyError, phase: AttemptPhase): void {
    this.#failures.set(carrier, { error, phase })
  }

  /** The last failure, with those of the other upstreams, and the time until the first of them is probed again. */
  errorFor(last: ProxyError): ProxyError {
    const { blame, code } = last
    if (blame !== 'upstream') return last
    const detail = this.#detail(last)
    const backInMs = Math.min(...this.#carriers.map(carrier => carrier.backInMs()))
    const retryAfterMs = backInMs === 0 ? undefined : backInMs
    if (detail === last.detail && retryAfterMs === undefined) return last
    return new ProxyError(code, {
      ...(detail === undefined ? {} : { detail }),
      cause: last,
      retryAfterMs,
    })
  }

  /** Names each upstream if several failed by themselves. After a request was forwarded, the origin may be at fault. */
  #detail({ detail, message }: ProxyError): string | undefined {
    const failed = [...this.#failures].filter(
      ([{ way }, { error, phase }]) =>
        way === 'upstream' && phase !== 'request' && error.blame === 'upstream',
    )
    if (failed.length < 2) return detail
    const reasons = failed.map(([{ label }, { error }]) => `${label} (${ERRORS[error.code].text})`)
    return `${detail ?? message}; the upstream proxies of the company failed: ${reasons.join(', ')}`
  }
}
