import { isIPv4, SocketAddress } from 'node:net'
import type { Interface, InterfaceAddress } from './interfaces.ts'

/** The kernel's tables as text; empty where one does not exist. */
export interface KernelTables {
  /** /proc/net/dev: all interfaces. */
  readonly dev: string
  /** /proc/net/fib_trie: the IPv4 addresses of this host, without interfaces. */
  readonly fibTrie: string
  /** /proc/net/route: IPv4 networks and their interfaces. */
  readonly route: string
  /** /proc/net/if_inet6: IPv6 addresses with their interfaces. */
  readonly ifInet6: string
  /** Byte order of /proc/net/route, which is the processor's. */
  readonly byteOrder: 'LE' | 'BE'
}

interface ConnectedNetwork {
  readonly name: string
  readonly network: number
  readonly mask: number
}

/** All interfaces with their addresses. An IPv4 address belongs to the interface with the narrowest network that contains it. */
export function parseKernelTables(tables: KernelTables): Interface[] {
  const networks = parseConnectedNetworks(tables.route, tables.byteOrder)
  const ipv6 = parseIfInet6(tables.ifInet6)
  const ipv4 = parseLocalAddresses(tables.fibTrie).flatMap(address => {
    const owner = ownerOf(address, networks)
    return owner === undefined
      ? []
      : [{ name: owner.name, address, prefixLength: lengthOf(owner.mask) }]
  })
  return parseNames(tables.dev).map(name => ({
    name,
    addresses: [...ipv4, ...ipv6]
      .filter(each => each.name === name)
      .map(({ address, prefixLength }) => ({ address, prefixLength })),
  }))
}

/** Two header lines, then one line per interface, with the name before a colon. */
function parseNames(text: string): string[] {
  return text.split('\n').flatMap(line => /^\s*([^\s:]+):/.exec(line)?.[1] ?? [])
}

/** The addresses of the leaves that have a `/32 host LOCAL` route. */
function parseLocalAddresses(text: string): string[] {
  const local = new Set<string>()
  let leaf = ''
  for (const line of text.split('\n')) {
    leaf = /\|-- ([0-9.]+)/.exec(line)?.[1] ?? leaf
    if (line.includes('/32 host LOCAL') && isIPv4(leaf)) local.add(leaf)
  }
  return [...local]
}

/** Routes without a gateway: Iface Destination Gateway Flags RefCnt Use Metric Mask, numbers in hexadecimal. */
function parseConnectedNetworks(
  text: string,
  order: KernelTables['byteOrder'],
): ConnectedNetwork[] {
  const networks = text.split('\n').flatMap(line => {
    const [name = '', destination = '', gateway, , , , , mask = ''] = line.split('\t')
    const isConnected = gateway === '00000000' && /^[0-9A-F]{8}$/i.test(destination)
    if (!isConnected || mask === '00000000') return []
    return [{ name, network: parseWord(destination, order), mask: parseWord(mask, order) }]
  })
  return networks.sort((a, b) => b.mask - a.mask)
}

function parseWord(hex: string, order: KernelTables['byteOrder']): number {
  const bytes = Buffer.from(hex, 'hex')
  return order === 'LE' ? bytes.readUInt32LE() : bytes.readUInt32BE()
}

function ownerOf(
  address: string,
  networks: readonly ConnectedNetwork[],
): ConnectedNetwork | undefined {
  const number = Buffer.from(address.split('.').map(Number)).readUInt32BE()
  return networks.find(({ network, mask }) => (number & mask) >>> 0 === network)
}

function lengthOf(mask: number): number {
  return Math.clz32(~mask)
}

/** Address, index, prefix length, scope and flags in hexadecimal, then the name. */
function parseIfInet6(text: string): (InterfaceAddress & { readonly name: string })[] {
  return text.split('\n').flatMap(line => {
    const [digits = '', , length = '', , , name = ''] = line.trim().split(/\s+/)
    const groups = digits.match(/[0-9a-f]{4}/gi) ?? []
    if (groups.length !== 8) return []
    const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' })
    return [{ name, address, prefixLength: parseInt(length, 16) }]
  })
}
