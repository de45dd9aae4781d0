import { isIP } from 'node:net'

/** Addresses by name in lower case. */
export type HostsTable = ReadonlyMap<string, readonly string[]>

/** hosts(5): an address and its names on each line. A name may appear on several lines. */
export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter(word => word !== '')
    if (isIP(address) === 0) continue
    for (const name of names) {
      const key = name.toLowerCase()
      const known = table.get(key)
      if (known === undefined) table.set(key, [address])
      else if (!known.includes(address)) known.push(address)
    }
  }
  return table
}
