import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** One IPv4 or IPv6 network, or everything. IPv4-mapped IPv6 addresses match as IPv4. */
export interface AddressRule {
  /** The rule as the configuration wrote it, to be named in logs. */
  readonly text: string
  matches(address: string): boolean
}

/**
 * Parses `*`, `0/0`, an address, or `address/length`. Host bits beyond the length are ignored.
 * @returns undefined when the text is no address rule (a host name, a bad length).
 */
export function parseAddressRule(text: string): AddressRule | undefined {
  if (text === '*' || text === '0/0') return { text, matches: () => true }
  const [address = '', lengthText, ...rest] = text.split('/')
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
  if (family === undefined || rest.length > 0) return undefined
  const bits = family === 'ipv4' ? 32 : 128
  if (lengthText !== undefined && !/^[0-9]{1,3}$/.test(lengthText)) return undefined
  const length = lengthText === undefined ? bits : Number(lengthText)
  if (length > bits) return undefined
  const list = new BlockList()
  list.addSubnet(address, length, family)
  return { text, matches: candidate => matchesList(list, candidate) }
}

function matchesList(list: BlockList, candidate: string): boolean {
  const address = candidate.replace(/%.*$/, '')
  if (isIPv4(address)) return list.check(address, 'ipv4')
  return isIPv6(address) && list.check(address, 'ipv6')
}
