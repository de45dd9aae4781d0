import type { ResponseHead } from './head.ts'
import { getHeader, hasHeader } from './headers.ts'
import { parseHttpDate } from './http-date.ts'
import { trimOws } from './grammar.ts'

/** Anything longer amounts to never. */
const MOST_SECONDS = 2 ** 31

/** Whether a response asks the client to come back later: 429 (RFC 6585 section 4), or 503 with Retry-After (RFC 9110 section 15.6.4). */
export function isRateLimited({ status, headers }: ResponseHead): boolean {
  return status === 429 || (status === 503 && hasHeader(headers, 'Retry-After'))
}

/**
 * How long such a response asks to wait: until RateLimit-ResetTime, an HTTP date that GitLab sends, else by
 * Retry-After, a date or seconds (RFC 9110 section 10.2.3).
 * @param nowMs Unix time in ms.
 * @returns milliseconds, below 0 for a date in the past; undefined if the response does not say.
 */
export function demandedWaitMs({ headers }: ResponseHead, nowMs: number): number | undefined {
  const untilDate = (text: string): number | undefined => {
    const at = parseHttpDate(text, nowMs)
    return at === undefined ? undefined : at - nowMs
  }
  const reset = untilDate(trimOws(getHeader(headers, 'RateLimit-ResetTime') ?? ''))
  if (reset !== undefined) return reset
  const after = trimOws(getHeader(headers, 'Retry-After') ?? '')
  return /^[0-9]+$/.test(after) ? Math.min(Number(after), MOST_SECONDS) * 1_000 : untilDate(after)
}

/**
 * Whether a proxy forwarded a response, as far as can be told: by Proxy-Status (RFC 9209 section 2), else by Via, which
 * is required only on forwarded messages (RFC 9110 section 7.6.3). Squid writes Via into its own error pages too, but
 * marks them.
 */
export function wasPassedOn({ headers }: ResponseHead): boolean {
  const proxyStatus = getHeader(headers, 'Proxy-Status') ?? ''
  if (/;\s*received-status\s*=/i.test(proxyStatus)) return true
  if (/;\s*error\s*=/i.test(proxyStatus) || hasHeader(headers, 'X-Squid-Error')) return false
  return hasHeader(headers, 'Via')
}
