import type { Socket } from 'node:net'

/** Where a client is, as rules, counts and logs name it. */
export interface ClientAddress {
  readonly address: string
  readonly port: number
}

/** Who is at the other end; undefined when it is gone already. */
export function peerOf({ remoteAddress, remotePort }: Socket): ClientAddress | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return { address: withoutMapping(remoteAddress), port: remotePort }
}

/** A listener on every IPv6 address has IPv4 clients on mapped addresses (RFC 4291 section 2.5.5.2). */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
