import t from 'tap'
import { parseAddressRule } from '../../../src/core/index.ts'

t.test('a rule matches the addresses of its network and no others', async t => {
  const cases: [rule: string, inside: string[], outside: string[]][] = [
    ['172.17.0.1', ['172.17.0.1', '::ffff:172.17.0.1'], ['172.17.0.2', '::1']],
    ['172.17.0.0/16', ['172.17.0.0', '172.17.255.255'], ['172.16.255.255', '172.18.0.0']],
    ['172.17.0.99/16', ['172.17.1.1'], ['172.18.0.99']],
    ['10.0.0.0/8', ['10.255.0.1', '::ffff:10.1.2.3', '::ffff:a01:203'], ['11.0.0.1', '::10.0.0.1']],
    ['10.1.2.3/32', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4']],
    ['128.0.0.0/1', ['128.0.0.1', '255.255.255.255'], ['127.255.255.255']],
    ['0.0.0.0/0', ['1.2.3.4', '::ffff:1.2.3.4'], ['2001:db8::1']],
    ['0/0', ['1.2.3.4', '2001:db8::1'], []],
    ['*', ['1.2.3.4', '2001:db8::1'], []],
    ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
    ['2001:db8::/32', ['2001:db8::1', '2001:DB8:ffff::1'], ['2001:db9::1', '10.0.0.1']],
    ['fd00::/8', ['fd12:3456::1'], ['fe80::1', 'fc00::1']],
    ['fe80::/10', ['fe80::1', 'fe80::1%eth0', 'febf::1'], ['fec0::1']],
    ['::/0', ['::1', '2001:db8::1'], []],
    ['10.0.0.9-10.0.1.2', ['10.0.0.9', '10.0.0.255', '10.0.1.2'], ['10.0.0.8', '10.0.1.3', '::1']],
    ['fd00::1-fd00::ff', ['fd00::1', 'fd00::80'], ['fd00::100', '10.0.0.1']],
  ]
  for (const [text, inside, outside] of cases) {
    const rule = parseAddressRule(text)
    t.equal(rule?.text, text, 'the rule is named as it was written')
    for (const address of inside) t.equal(rule?.matches(address), true, `${address} in ${text}`)
    for (const address of outside)
      t.equal(rule?.matches(address), false, `${address} not in ${text}`)
  }
})

t.test('what is no address matches no network', async t => {
  for (const text of ['10.0.0.0/8', '::/0', '0.0.0.0/0']) {
    for (const candidate of ['', 'host', '10.0.0', '10.0.0.1:80', '[::1]', '10.0.0.1/8']) {
      t.equal(parseAddressRule(text)?.matches(candidate), false, `${candidate} in ${text}`)
    }
  }
})

t.test('what is no rule is refused', async t => {
  const junk = [
    '',
    'host',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8 ',
    '10.0.0.0/1e1',
    '10.*',
    '::1/129',
    '::1/',
    '[::1]',
    '/8',
    '**',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-',
    '10.0.0.1-host',
    '10.0.0.1-::1',
    'my-host',
    '10.0.0.1-10.0.0.2-10.0.0.3',
  ]
  for (const text of junk) t.equal(parseAddressRule(text), undefined, JSON.stringify(text))
})
