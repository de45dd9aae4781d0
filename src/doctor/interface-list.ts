import { isIPv4 } from 'node:net'

export interface Interface {
  readonly name: string
  readonly address: string
  /** Length of the network's prefix. */
  readonly length: number
}

export interface Link {
  readonly isUp: boolean
  /** A bridge without members has none. */
  readonly hasCarrier: boolean
}

/** The lines of `ip -oneline addr show`. */
export function parseAddresses(output: string): Interface[] {
  return [...output.matchAll(/^\d+: +(\S+) +inet6? +([0-9a-f.:]+)\/(\d+)/gm)].map(
    ([, name = '', address = '', length = '']) => ({ name, address, length: Number(length) }),
  )
}

/** One interface in the lines of `ip -oneline link show`; undefined where there is none of that name. */
export function parseLink(output: string, name: string): Link | undefined {
  for (const [, found, flags = ''] of output.matchAll(/^\d+: +([^:@\s]+)[^:]*: +<([^>]*)>/gm)) {
    if (found !== name) continue
    const words = flags.split(',')
    return { isUp: words.includes('UP'), hasCarrier: !words.includes('NO-CARRIER') }
  }
  return undefined
}

/** `172.17.0.0/16` of an IPv4 interface; the address alone for IPv6. */
export function networkOf({ address, length }: Interface): string {
  if (!isIPv4(address)) return address
  const bits = address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
  const size = 2 ** (32 - length)
  const first = Math.floor(bits / size) * size
  const octets = [24, 16, 8, 0].map(shift => Math.floor(first / 2 ** shift) % 256)
  return `${octets.join('.')}/${length}`
}
