import type { Socket } from 'node:net'

/** A client's address as used by rules, counts and logs. */
export interface ClientAddress {
  readonly address: string
  readonly port: number
}

/** The peer's address; undefined when it has already disconnected. */
export function peerOf({ remoteAddress, remotePort }: Socket): ClientAddress | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return { address: withoutMapping(remoteAddress), port: remotePort }
}

/** A listener on all IPv6 addresses sees IPv4 clients as mapped addresses (RFC 4291 section 2.5.5.2). */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
