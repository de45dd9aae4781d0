import { type HostPort, parseHostPort } from '../core/index.ts'

/** The parts of an absolute-form target. The path is byte for byte as received. */
export interface AbsoluteForm {
  /** Lower-case. */
  readonly scheme: string
  readonly authority: HostPort
  /** At least `/`. */
  readonly pathAndQuery: string
  /** The authority as the client wrote it, which is the value for Host (RFC 9112 section 3.2.2). */
  readonly hostField: string
}

/** scheme "://" authority path-and-query; no fragment, and nothing that could break a request line. */
const ABSOLUTE_FORM =
  /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#\0-\x20\x7f]+)([/?][\x21\x22\x24-\x7e\x80-\xff]*)?$/

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ftp', 21],
])

/**
 * Parses the target of a request to a proxy, `http://host[:port]/path?query` (RFC 9112 section 3.2.2). Rejects user
 * information (RFC 9110 section 4.2.4) and fragments. A scheme without a known default port must have an explicit port.
 * Nothing is normalised: a URL parser would turn `\` into `/`, resolve `..` and encode, and origins see the difference.
 * @returns undefined when the target does not have that form
 */
export function parseAbsoluteForm(target: string): AbsoluteForm | undefined {
  const match = ABSOLUTE_FORM.exec(target)
  if (match === null) return undefined
  const [, schemeText = '', authorityText = '', path = ''] = match
  const scheme = schemeText.toLowerCase()
  const authority = parseHostPort(authorityText, DEFAULT_PORTS.get(scheme))
  if (authority === undefined || hasZone(authority)) return undefined
  return {
    scheme,
    authority,
    pathAndQuery: path.startsWith('/') ? path : `/${path}`,
    hostField: authorityText.endsWith(':') ? authorityText.slice(0, -1) : authorityText,
  }
}

/**
 * Parses the target of CONNECT, `host:port`, where the port is required (RFC 9112 section 3.2.3).
 * @returns undefined when the target does not have that form
 */
export function parseAuthorityForm(target: string): HostPort | undefined {
  const authority = parseHostPort(target)
  return authority === undefined || hasZone(authority) ? undefined : authority
}

/** The zone of an IPv6 address names an interface of the sender, which means nothing to other hosts (RFC 4007 section 6). */
function hasZone({ host }: HostPort): boolean {
  return host.includes(':') && host.includes('%')
}
