import { isIPv6 } from 'node:net'

/** An address or name and a port. `host` is lower-case and has no brackets. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

const HOST_NAME = /^[a-z0-9._~!$&'()*+,;=%-]+$/

/** `host:port` with brackets around an IPv6 address, as RFC 3986 section 3.2 writes an authority. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** A port written in decimal, 1 to 65535, or undefined. */
export function parsePort(text: string): number | undefined {
  if (!/^[0-9]{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port >= 1 && port <= 65535 ? port : undefined
}

/** A host as it may stand in an authority: name, IPv4 address, or IPv6 address with or without brackets; else undefined. */
export function parseHost(text: string): string | undefined {
  const bracketed = text.startsWith('[') && text.endsWith(']')
  const host = (bracketed ? text.slice(1, -1) : text).toLowerCase()
  if (bracketed || host.includes(':')) return isIPv6(host) ? host : undefined
  return host.length <= 255 && HOST_NAME.test(host) ? host : undefined
}

/**
 * Parses `host:port`, `[v6]:port` and, when there is a default port, the host alone. User information is refused.
 * @returns undefined when the text is no authority.
 */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text)
  if (match === null) return undefined
  const host = parseHost(match[1] ?? '')
  const portText = match[2]
  const port =
    portText === undefined || (portText === '' && defaultPort !== undefined)
      ? defaultPort
      : parsePort(portText)
  return host === undefined || host === '' || port === undefined ? undefined : { host, port }
}
