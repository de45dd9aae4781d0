import { isIPv4, isIPv6 } from 'node:net'
import type { HostPort } from '../core/index.ts'

/** ATYP of RFC 1928 section 4. */
export const AddressType = { IPV4: 0x01, DOMAIN: 0x03, IPV6: 0x04 } as const

const IPV4_MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
const UNSPECIFIED: HostPort = { host: '0.0.0.0', port: 0 }

/** Four octets as `192.0.2.1`. */
export function formatIPv4(octets: Buffer): string {
  return octets.join('.')
}

/**
 * Sixteen octets in the form of RFC 5952, without brackets. An IPv4-mapped address is returned as IPv4, because rules
 * such as NoProxy 10.* are written for that.
 */
export function formatIPv6(octets: Buffer): string {
  const head = octets.subarray(0, IPV4_MAPPED.length)
  if (head.equals(IPV4_MAPPED)) return formatIPv4(octets.subarray(IPV4_MAPPED.length))
  return shortest((octets.toString('hex').match(/.{4}/g) ?? []).join(':'))
}

/** ATYP, ADDR, PORT (big-endian) for a reply. A name, which is not a bound address, becomes 0.0.0.0:0. */
export function encodeAddress(bound: HostPort = UNSPECIFIED): Buffer {
  const host = bound.host.replace(/%.*$/, '')
  const port = Buffer.alloc(2)
  port.writeUInt16BE(bound.port)
  if (isIPv4(host)) return Buffer.from([AddressType.IPV4, ...host.split('.').map(Number), ...port])
  if (isIPv6(host)) return Buffer.from([AddressType.IPV6, ...octetsOfIPv6(host), ...port])
  return encodeAddress()
}

function octetsOfIPv6(host: string): Buffer {
  const [head = '', tail = ''] = shortest(host).split('::')
  const [left, right] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0000')
  return Buffer.from([...left, ...zeros, ...right].join(''), 'hex')
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':').map(group => group.padStart(4, '0'))
}

/** The URL standard serialises IPv6 like RFC 5952, but never with a dotted end. */
function shortest(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}
