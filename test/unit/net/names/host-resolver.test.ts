import t from 'tap'
import { NEVER_CANCELLED } from '../../../../src/core/index.ts'
import type { AskServer } from '../../../../src/net/names/dns-server.ts'
import { hostResolver } from '../../../../src/net/names/host-resolver.ts'
import { parseHosts } from '../../../../src/net/names/hosts-file.ts'
import { interleaveFamilies } from '../../../../src/net/names/interleave.ts'
import { parseNameSources } from '../../../../src/net/names/name-sources.ts'
import { parseResolvConf } from '../../../../src/net/names/resolv-conf.ts'
import { FakeClock } from '../../../harness/fake-clock.ts'

interface Scene {
  readonly nsswitch?: string
  readonly resolvConf?: string
  readonly hasIPv6?: boolean
  readonly hasNameFiles?: boolean
}

/** A host whose DNS knows every name, and whose C library answers `system`. */
function resolverOf({
  nsswitch = '',
  resolvConf = '',
  hasIPv6 = true,
  hasNameFiles = true,
}: Scene) {
  const ask: AskServer = () => async (_name, family) => ({
    kind: 'found',
    addresses: family === 4 ? ['10.0.0.1', '10.0.0.2'] : ['2001:db8::1'],
  })
  const resolve = hostResolver({
    clock: new FakeClock(),
    files: {
      hosts: parseHosts('10.7.7.7 known.test Known\n'),
      resolvConf: parseResolvConf(resolvConf, 'me'),
      sources: parseNameSources(nsswitch, 'me'),
    },
    ask,
    system: async () => ['system'],
    hasNameFiles,
    hasGlobalIPv6: () => hasIPv6,
  })
  return (name: string) => resolve(name, 'target', NEVER_CANCELLED)
}

const DNS = ['2001:db8::1', '10.0.0.1', '10.0.0.2']

t.test('who answers a name', async t => {
  const resolved = 'hosts: resolve [!UNAVAIL=return] files dns'
  const table: [name: string, scene: Scene, answer: string[]][] = [
    ['a.test', {}, DNS],
    ['A.Test.', {}, DNS],
    ['_srv.a-b.test', {}, DNS],
    ['xn--bcher-kva.test', {}, DNS],
    ['a.test', { hasIPv6: false }, ['10.0.0.1', '10.0.0.2', '2001:db8::1']],
    ['known.test', {}, ['10.7.7.7']],
    ['KNOWN.', {}, ['10.7.7.7']],
    ['localhost', {}, ['127.0.0.1', '::1']],
    ['a.localhost.', {}, ['127.0.0.1', '::1']],
    ['a.invalid', {}, []],
    // inet_aton(3) takes these for addresses, and the C library refuses the others without asking anybody.
    ['127.1', {}, ['system']],
    ['2130706433', {}, ['system']],
    ['0x7f.0x1', {}, ['system']],
    ['-nowhere.invalid', {}, ['system']],
    ['a..test', {}, ['system']],
    ['a(b).test', {}, ['system']],
    [`${'a'.repeat(64)}.test`, {}, ['system']],
    // Somebody else answers.
    ['a.test', { nsswitch: 'hosts: files wins dns' }, ['system']],
    ['printer.local', { nsswitch: 'hosts: files mdns4_minimal [NOTFOUND=return] dns' }, ['system']],
    ['a.test', { nsswitch: resolved }, ['system']],
    ['a.test', { nsswitch: resolved, resolvConf: 'nameserver 127.0.0.53' }, DNS],
    ['a.test', { resolvConf: 'options use-vc' }, ['system']],
    ['a.test', { hasNameFiles: false }, ['system']],
  ]
  for (const [name, scene, answer] of table)
    t.strictSame(await resolverOf(scene)(name), answer, `${name} ${JSON.stringify(scene)}`)
})

t.test('the families take turns, the first one first', t => {
  const table: [addresses: string[], order: string[]][] = [
    [[], []],
    [
      ['1.1.1.1', '2.2.2.2'],
      ['1.1.1.1', '2.2.2.2'],
    ],
    [
      ['::1', '::2', '::3', '1.1.1.1'],
      ['::1', '1.1.1.1', '::2', '::3'],
    ],
    [
      ['1.1.1.1', '::1', '::2', '2.2.2.2', '::3'],
      ['1.1.1.1', '::1', '2.2.2.2', '::2', '::3'],
    ],
  ]
  for (const [addresses, order] of table) t.strictSame(interleaveFamilies(addresses), order)
  t.end()
})
