import t from 'tap'
import {
  findInterfaces,
  type Interface,
  isInDockerNetwork,
  meansInterface,
} from '../../../src/net/interfaces.ts'
import { readInterfaces } from '../../../src/net/read-interfaces.ts'

const at = (name: string, ...addresses: string[]): Interface => ({
  name,
  addresses: addresses.map(text => {
    const [address = '', length] = text.split('/')
    return { address, prefixLength: Number(length) }
  }),
})

const HOST = [
  at('lo', '127.0.0.1/8', '::1/128'),
  at('enP4p1', '192.0.2.10/24', '2001:db8::10/64', 'fe80::10/64'),
  at('docker0', '172.17.0.1/16', 'fe80::1/64'),
  at('br-0123456789ab', '172.18.0.1/16', 'fd00:18::1/64'),
  at('br-lan', '192.168.1.1/24'),
]

t.test('names of bridges mean interfaces always, other names when there is one', async t => {
  for (const host of ['docker', 'docker0', 'virbr0', 'lo', 'enp4p1', 'eth0.100'])
    t.equal(meansInterface(host, HOST), true, host)
  for (const host of ['127.0.0.1', '::1', 'localhost', 'build.corp', 'eth1'])
    t.equal(meansInterface(host, HOST), false, host)
})

t.test('an interface stands for its addresses but the link-local ones', async t => {
  const cases: [host: string, addresses: string[]][] = [
    ['docker0', ['172.17.0.1']],
    ['enp4p1', ['192.0.2.10', '2001:db8::10']],
    ['docker', ['172.17.0.1', '172.18.0.1', 'fd00:18::1']],
  ]
  for (const [host, addresses] of cases)
    t.strictSame(findInterfaces(host, HOST), { addresses, missing: undefined }, host)
})

t.test('where there is no address the reason is said', async t => {
  const cases: [host: string, interfaces: Interface[], missing: string][] = [
    ['docker0', [], 'there is no interface docker0 yet'],
    ['docker0', [at('docker0', 'fe80::1/64')], 'docker0 has no address yet'],
    ['docker', HOST.slice(0, 2), 'Docker has no bridge yet'],
    ['docker', [at('docker0')], "Docker's bridges have no address yet"],
  ]
  for (const [host, interfaces, missing] of cases)
    t.strictSame(findInterfaces(host, interfaces), { addresses: [], missing })
})

t.test("clients in the networks of Docker's own bridges are told from others", async t => {
  for (const client of ['172.17.255.1', '::ffff:172.18.3.4', 'fd00:18::99', '172.17.0.1'])
    t.equal(isInDockerNetwork(client, HOST), true, client)
  for (const client of ['172.19.0.1', '192.168.1.5', '192.0.2.11', '127.0.0.1', 'fe80::2'])
    t.equal(isInDockerNetwork(client, HOST), false, client)
  t.equal(isInDockerNetwork('172.17.0.2', HOST.slice(0, 2)), false, 'no bridge, nobody')
})

t.test('the interfaces of this host can be read', async t => {
  const addresses = readInterfaces().flatMap(each => each.addresses)
  t.match(
    addresses.find(({ address }) => address === '127.0.0.1'),
    { prefixLength: 8 },
  )
})
