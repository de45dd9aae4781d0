import { parseAddressRule, parseHostPort } from '../core/index.ts'
import { withoutMapping } from '../net/index.ts'

/** What decides whether a request may have an answer. */
export interface AdminRequest {
  readonly method: string | undefined
  /** Field values; undefined when the field is absent. */
  readonly host: string | undefined
  readonly fetchSite: string | undefined
  /** The address of this host that the client connected to; undefined on a socket of the Unix domain. */
  readonly localAddress: string | undefined
}

export interface Refusal {
  readonly status: number
  readonly reason: string
}

const loopback = ['127.0.0.0/8', '::1'].map(parseAddressRule)

/**
 * Keeps web pages out that a browser on this host has open. A page can let its own name point here (DNS rebinding), but then
 * that name stands in Host; and browsers say in Sec-Fetch-Site (W3C Fetch Metadata) which site asks.
 * @param names what this host is called besides its addresses.
 */
export function refusalOf(request: AdminRequest, names: readonly string[]): Refusal | undefined {
  const { fetchSite, host, localAddress, method } = request
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 405, reason: 'only GET and HEAD are answered here' }
  }
  if (!isOwnHost(host, localAddress, names)) {
    return { status: 421, reason: 'Host is not the address of this page: open it by its address' }
  }
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') {
    return { status: 403, reason: 'another site asked for this: open the address directly' }
  }
  return undefined
}

function isOwnHost(
  field: string | undefined,
  localAddress: string | undefined,
  names: readonly string[],
): boolean {
  const host = parseHostPort(field ?? '', 80)?.host
  if (host === undefined) return false
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  if (loopback.some(rule => rule?.matches(host) === true)) return true
  if (names.includes(host)) return true
  return localAddress !== undefined && host === withoutMapping(localAddress)
}
