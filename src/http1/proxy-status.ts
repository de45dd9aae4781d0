export interface ProxyStatus {
  /** Error type of RFC 9209 section 2.3, see the errors table. */
  readonly error: string
  /** For people to read; contains no secrets. */
  readonly details?: string
}

const MAX_DETAILS = 512

/**
 * The value of Proxy-Status for our own responses: `tsntlm; error=dns_error; details="..."` (RFC 9209). A string of RFC
 * 8941 is ASCII, so any other character becomes `?`.
 */
export function formatProxyStatus({ error, details }: ProxyStatus): string {
  const status = `tsntlm; error=${error}`
  return details === undefined ? status : `${status}; details="${quote(details)}"`
}

function quote(text: string): string {
  const ascii = text.slice(0, MAX_DETAILS).replace(/[^\x20-\x7e]/gu, '?')
  return ascii.replace(/["\\]/g, '\\$&')
}
