import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { networkOf, parseAddresses, parseLink } from '../../../src/doctor/interface-list.ts'
import { INTERFACES } from '../../../src/doctor/interfaces.ts'
import { DOCKER0, listenAt, runCheck } from './host.ts'

const ADDRESSES = `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever
4: eth0    inet 10.0.0.20/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever
5: docker0    inet 172.17.0.1/16 scope global docker0\\       valid_lft forever preferred_lft forever
`
const link = (flags: string): string =>
  `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback
4: eth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\\    link/ether
5: docker0: <${flags}> mtu 1500 qdisc noqueue state DOWN mode DEFAULT\\    link/ether
`

t.test('interfaces are read as ip(8) prints them', async t => {
  t.strictSame(parseAddresses(ADDRESSES).at(-1), DOCKER0)
  t.equal(parseAddresses(ADDRESSES).length, 4)
  t.strictSame(parseLink(link('UP'), 'eth0'), { isUp: true, hasCarrier: true })
  t.equal(parseLink(link('UP'), 'eth1'), undefined)
  t.equal(networkOf(DOCKER0), '172.17.0.0/16')
  t.equal(networkOf({ name: 'a', address: '10.1.2.3', length: 30 }), '10.1.2.0/30')
})

t.test('addresses of ports must be there, and their interfaces up', async t => {
  const upAlone = 'NO-CARRIER,BROADCAST,MULTICAST,UP'
  const cases: [host: string, flags: string, line: RegExp][] = [
    ['172.17.0.1', upAlone, /^ok 172\.17\.0\.1 is the address of docker0, which has no carrier/],
    ['172.17.0.1', 'BROADCAST,MULTICAST', /^problem docker0 with 172\.17\.0\.1 is down/],
    ['172.18.0.1', upAlone, /^problem no interface has 172\.18\.0\.1/],
    ['127.0.0.9', upAlone, /^note containers cannot reach 127\.0\.0\.9:3128/],
    ['0.0.0.0', upAlone, /^ok no port is bound to one interface alone/],
  ]
  for (const [host, flags, line] of cases) {
    const { lines, learned } = await runCheck(
      INTERFACES,
      { config: { ...DEFAULTS, listeners: [listenAt(host)] } },
      {
        programs: {
          'ip -oneline addr show': ADDRESSES,
          'ip -oneline link show': link(flags),
        },
      },
    )
    t.match(lines[0], line)
    t.strictSame(learned?.absent, host === '172.18.0.1' ? [host] : [])
    t.strictSame(learned?.bridge, DOCKER0)
  }
})

t.test('without the program ip nothing is said', async t => {
  t.match((await runCheck(INTERFACES)).lines, [/^skipped the program ip/])
  t.match((await runCheck(INTERFACES, { config: undefined })).lines, [/^skipped the configuration/])
})
