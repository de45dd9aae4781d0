import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** One IPv4 or IPv6 network or range, or everything. IPv4-mapped IPv6 addresses match as IPv4. */
export interface AddressRule {
  /** The rule as the configuration wrote it, to be named in logs. */
  readonly text: string
  matches(address: string): boolean
}

/**
 * Parses `*`, `0/0`, an address, `address/length`, or `first-last`. Host bits beyond the length are ignored.
 * @returns undefined when the text is no address rule (a host name, a bad length, a range that ends before it begins).
 */
export function parseAddressRule(text: string): AddressRule | undefined {
  if (text === '*' || text === '0/0') return { text, matches: () => true }
  if (text.includes('-')) return parseRange(text)
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

function parseRange(text: string): AddressRule | undefined {
  const [first = '', last = '', ...rest] = text.split('-')
  const areIPv4 = isIPv4(first) && isIPv4(last)
  if (rest.length > 0 || !(areIPv4 || (isIPv6(first) && isIPv6(last)))) return undefined
  const list = new BlockList()
  try {
    list.addRange(first, last, areIPv4 ? 'ipv4' : 'ipv6')
  } catch {
    return undefined
  }
  return { text, matches: candidate => matchesList(list, candidate) }
}

function matchesList(list: BlockList, candidate: string): boolean {
  const address = candidate.replace(/%.*$/, '')
  if (isIPv4(address)) return list.check(address, 'ipv4')
  return isIPv6(address) && list.check(address, 'ipv6')
}
