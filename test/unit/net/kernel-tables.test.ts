import { readFileSync } from 'node:fs'
import t from 'tap'
import { type KernelTables, parseKernelTables } from '../../../src/net/kernel-tables.ts'

/** Read in a network namespace with bridges that have no carrier, one network inside another, and an interface without an address. */
const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/interfaces/${name}`, import.meta.url), 'utf8')

const TABLES: KernelTables = {
  dev: fixture('dev'),
  route: fixture('route'),
  fibTrie: fixture('fib_trie'),
  ifInet6: fixture('if_inet6'),
  byteOrder: 'LE',
}

function addressesIn(tables: KernelTables): Record<string, string[]> {
  return Object.fromEntries(
    parseKernelTables(tables).map(({ name, addresses }) => [
      name,
      addresses
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`)
        .filter(each => !each.startsWith('fe80:')),
    ]),
  )
}

t.test('interfaces have their addresses, with or without carrier', async t => {
  t.strictSame(addressesIn(TABLES), {
    lo: ['::1/128'],
    eth0: ['192.0.2.10/24', '2001:db8::10/64'],
    up0: [],
    docker0: ['172.17.0.1/16'],
    'br-0123456789ab': ['172.18.0.1/16', 'fd00:18::1/64'],
    'br-ba9876543210': ['172.18.64.1/20'],
    virbr0: ['192.168.122.1/24'],
    'br-aaaaaaaaaaaa': [],
  })
})

t.test('link-local addresses are among them', async t => {
  const docker0 = parseKernelTables(TABLES).find(({ name }) => name === 'docker0')
  t.match(docker0?.addresses[1], { address: /^fe80::/, prefixLength: 64 })
})

t.test('the routes of a big-endian processor are read in its order', async t => {
  const route = TABLES.route.replace(/\t([0-9A-F]{8})(?=\t)/g, (_, hex: string) => {
    return `\t${Buffer.from(hex, 'hex').reverse().toString('hex').toUpperCase()}`
  })
  t.strictSame(addressesIn({ ...TABLES, route, byteOrder: 'BE' }), addressesIn(TABLES))
})

t.test('what is missing or garbled gives no address', async t => {
  t.strictSame(addressesIn({ ...TABLES, route: '', ifInet6: '' })['docker0'], [])
  t.strictSame(addressesIn({ ...TABLES, fibTrie: '' })['docker0'], [])
  t.strictSame(parseKernelTables({ ...TABLES, dev: '' }), [])
  const garbled = { ...TABLES, route: 'x\ty\tz', fibTrie: '/32 host LOCAL', ifInet6: 'x 1 2' }
  t.strictSame(addressesIn(garbled)['docker0'], [])
})
