import { readFileSync } from 'node:fs'
import { endianness, networkInterfaces } from 'node:os'
import { canOpenDescriptor } from './descriptor-limit.ts'
import type { Interface } from './interfaces.ts'
import { parseKernelTables } from './kernel-tables.ts'

/** Shows the network namespace of the process, unlike /sys/class/net, and exists under ProcSubset=pid too, unlike /proc/net. */
const TABLES = '/proc/self/net'

/**
 * The interfaces of this host. Node's list is exact, but omits interfaces without carrier, such as docker0 before the
 * first container, and is empty where a sandbox forbids netlink; the kernel's tables fill these gaps. They are files,
 * so no program has to be installed or started. They cannot tell which of two interfaces with the same IPv4 network has
 * an address.
 * @throws the system's error when nothing can be read because no descriptor is left.
 */
export function readInterfaces(): readonly Interface[] {
  const listed = listedByNode()
  const fromTables = parseKernelTables({
    dev: readTable('dev'),
    fibTrie: readTable('fib_trie'),
    route: readTable('route'),
    ifInet6: readTable('if_inet6'),
    byteOrder: endianness(),
  })
  const names = new Set(listed.map(({ name }) => name))
  const taken = new Set(listed.flatMap(({ addresses }) => addresses.map(({ address }) => address)))
  const others = fromTables
    .filter(({ name }) => !names.has(name))
    .map(({ name, addresses }) => ({
      name,
      addresses: addresses.filter(({ address }) => !taken.has(address)),
    }))
  return [...listed, ...others]
}

function listedByNode(): Interface[] {
  const list = orNone(networkInterfaces, {})
  return Object.entries(list).map(([name, addresses = []]) => ({
    name,
    addresses: addresses.map(({ address, cidr }) => ({
      address,
      prefixLength: Number(cidr?.split('/')[1]),
    })),
  }))
}

function readTable(name: string): string {
  return orNone(() => readFileSync(`${TABLES}/${name}`, 'utf8'), '')
}

/** Not Linux, no IPv6, a sandbox: unreadable tables count as empty. */
function orNone<T>(read: () => T, none: T): T {
  try {
    return read()
  } catch (error) {
    if (!canOpenDescriptor()) throw error
    return none
  }
}
