import { isIPv6 } from 'node:net'

/** RFC 8305 section 4: alternates the families, so that a broken one costs a single attempt. The order within a family is kept. */
export function interleaveFamilies(addresses: readonly string[]): readonly string[] {
  const beginsWithIPv6 = isIPv6(addresses[0] ?? '')
  const first = addresses.filter(address => isIPv6(address) === beginsWithIPv6)
  const second = addresses.filter(address => isIPv6(address) !== beginsWithIPv6)
  const turns = Array.from({ length: Math.max(first.length, second.length) })
  return turns.flatMap((_, at) => [...first.slice(at, at + 1), ...second.slice(at, at + 1)])
}
