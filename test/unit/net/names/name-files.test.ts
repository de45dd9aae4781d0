import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseHosts } from '../../../../src/net/names/hosts-file.ts'
import { NameFiles } from '../../../../src/net/names/name-files.ts'
import { parseNameSources } from '../../../../src/net/names/name-sources.ts'
import { candidatesOf, parseResolvConf } from '../../../../src/net/names/resolv-conf.ts'
import { makeTempDir } from '../../../harness/temp-dir.ts'

t.test('resolv.conf is read as resolv.conf(5) says', t => {
  const table: [text: string, expected: Partial<ReturnType<typeof parseResolvConf>>][] = [
    ['', { servers: ['127.0.0.1'], search: ['corp.test'], ndots: 1, attemptMs: 1_000 }],
    ['nameserver 10.0.0.1\nnameserver\t::1 \r\n', { servers: ['10.0.0.1', '::1'] }],
    ['nameserver 1.1.1.1\n#nameserver 2.2.2.2\n;x', { servers: ['1.1.1.1'], needsSystem: false }],
    [
      ['1.0.0.1', '1.0.0.2', '1.0.0.3', '1.0.0.4'].map(one => `nameserver ${one}`).join('\n'),
      { servers: ['1.0.0.1', '1.0.0.2', '1.0.0.3'] },
    ],
    ['search a.test b.test.', { search: ['a.test', 'b.test'] }],
    ['search a.test\ndomain b.test ignored', { search: ['b.test'] }],
    ['domain b.test\nsearch .', { search: [] }],
    ['options ndots:5 timeout:2', { ndots: 5, attemptMs: 1_000 }],
    ['options ndots:99\noptions ndots:x timeout:0', { ndots: 15, attemptMs: 100 }],
    ['options edns0 trust-ad rotate', { needsSystem: false, wantsIPv6: true }],
    ['options no-aaaa', { wantsIPv6: false }],
    ['options use-vc', { needsSystem: true }],
    ['nameserver fe80::1%eth0', { needsSystem: true }],
    ['nameserver router', { needsSystem: true }],
  ]
  for (const [text, expected] of table)
    t.match(parseResolvConf(text, 'host.corp.test'), expected, text)
  t.strictSame(parseResolvConf('', 'host').search, [], 'a host without a domain')
  t.end()
})

t.test('a name is searched for as the C library does', t => {
  const conf = (text: string) => parseResolvConf(`search a.test b.test\n${text}`, 'host')
  const table: [name: string, options: string, candidates: string[]][] = [
    ['proxy', '', ['proxy.a.test', 'proxy.b.test', 'proxy']],
    ['proxy.x', '', ['proxy.x', 'proxy.x.a.test', 'proxy.x.b.test']],
    ['proxy.x', 'options ndots:2', ['proxy.x.a.test', 'proxy.x.b.test', 'proxy.x']],
    ['proxy.', '', ['proxy']],
    ['proxy', 'options ndots:0', ['proxy', 'proxy.a.test', 'proxy.b.test']],
  ]
  for (const [name, options, candidates] of table)
    t.strictSame(candidatesOf(name, conf(options)), candidates, `${name} ${options}`)
  t.end()
})

t.test('the hosts file has all addresses of a name, in any spelling', t => {
  const table = parseHosts(
    [
      '127.0.0.1 localhost',
      '::1\tlocalhost ip6-localhost # both',
      '#10.0.0.9 gone',
      '10.0.0.1 Proxy.Corp proxy',
      '10.0.0.1 proxy',
      'nonsense here',
      '',
    ].join('\r\n'),
  )
  t.strictSame(
    [...table],
    [
      ['localhost', ['127.0.0.1', '::1']],
      ['ip6-localhost', ['::1']],
      ['proxy.corp', ['10.0.0.1']],
      ['proxy', ['10.0.0.1']],
    ],
  )
  t.end()
})

t.test('what nsswitch.conf leaves to others than the hosts file and DNS is known', t => {
  const table: [hosts: string | undefined, elsewhere: string[], here: string[]][] = [
    [undefined, [], ['a.test', 'a', 'me', 'printer.local']],
    ['hosts: files dns', [], ['a.test', 'a', 'me', 'printer.local']],
    ['hosts:\tfiles dns # wins', [], ['a.test']],
    ['#hosts: files wins\nhosts: files [success=return] dns', [], ['a.test']],
    ['hosts: files mdns4_minimal [NOTFOUND=return] dns', ['printer.local'], ['a.test', 'a']],
    ['hosts: files dns myhostname', ['me', '_gateway'], ['a.test', 'a']],
    ['hosts: mymachines files dns', ['a'], ['a.test']],
    [
      'hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns',
      ['a', 'me', 'x.local'],
      ['a.test'],
    ],
    // Somebody may answer any name, or the order is another one.
    ['hosts: files wins dns', ['a.test'], []],
    ['hosts: files sss dns', ['a.test'], []],
    ['hosts: files mdns4 dns', ['a.test'], []],
    ['hosts: dns files', ['a.test'], []],
    ['hosts: files', ['a.test'], []],
    ['hosts: dns', ['a.test'], []],
    ['hosts: files [NOTFOUND=return] dns', ['a.test'], []],
    ['hosts: files dns [!UNAVAIL=return] mymachines', ['a.test'], []],
  ]
  for (const [line, elsewhere, here] of table) {
    const sources = parseNameSources(`passwd: files\n${line ?? ''}\n`, 'Me')
    for (const name of elsewhere) t.equal(sources.isElsewhere(name), true, `${line} ${name}`)
    for (const name of here) t.equal(sources.isElsewhere(name), false, `${line} ${name}`)
    t.equal(sources.needsSystem, here.length === 0, line ?? 'no line')
  }
  t.equal(parseNameSources('hosts: files resolve dns', 'me').usesResolved, true)
  t.end()
})

t.test('a file that is changed, replaced or removed is seen at the next name', t => {
  const dir = makeTempDir(t)
  const [hosts, resolvConf, nsswitch] = ['hosts', 'resolv.conf', 'nsswitch.conf'].map(name =>
    join(dir, name),
  ) as [string, string, string]
  const files = new NameFiles({ hosts, resolvConf, nsswitch }, 'host')
  t.equal(files.hosts.size, 0, 'there is none')
  t.strictSame(files.resolvConf.servers, ['127.0.0.1'])
  writeFileSync(hosts, '10.0.0.1 proxy')
  writeFileSync(resolvConf, 'nameserver 10.0.0.53')
  t.strictSame(files.hosts.get('proxy'), ['10.0.0.1'])
  t.strictSame(files.resolvConf.servers, ['10.0.0.53'])
  t.equal(files.hosts, files.hosts, 'and not read again meanwhile')
  // As a VPN does it.
  writeFileSync(join(dir, 'new'), 'nameserver 10.9.9.53')
  renameSync(join(dir, 'new'), resolvConf)
  t.strictSame(files.resolvConf.servers, ['10.9.9.53'])
  writeFileSync(nsswitch, 'hosts: files wins dns')
  t.equal(files.sources.needsSystem, true)
  rmSync(nsswitch)
  t.equal(files.sources.needsSystem, false)
  t.end()
})
