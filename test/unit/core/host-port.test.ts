import t from 'tap'
import { formatHostPort, parseHost, parseHostPort, parsePort } from '../../../src/core/index.ts'

t.test('an authority is parsed, and written again in one form', async t => {
  const cases: [text: string, host: string, port: number, formatted: string][] = [
    ['proxy:8080', 'proxy', 8080, 'proxy:8080'],
    ['Proxy.CORP.example:80', 'proxy.corp.example', 80, 'proxy.corp.example:80'],
    ['10.0.0.41:8080', '10.0.0.41', 8080, '10.0.0.41:8080'],
    ['[::1]:3128', '::1', 3128, '[::1]:3128'],
    ['[FE80::1%eth0]:1', 'fe80::1%eth0', 1, '[fe80::1%eth0]:1'],
    ['[::ffff:10.0.0.1]:65535', '::ffff:10.0.0.1', 65535, '[::ffff:10.0.0.1]:65535'],
    ['a_b-c.d:443', 'a_b-c.d', 443, 'a_b-c.d:443'],
    ['xn--mnchen-3ya.example:80', 'xn--mnchen-3ya.example', 80, 'xn--mnchen-3ya.example:80'],
    ['host:00080', 'host', 80, 'host:80'],
  ]
  for (const [text, host, port, formatted] of cases) {
    t.strictSame(parseHostPort(text), { host, port }, text)
    t.equal(formatHostPort({ host, port }), formatted)
    t.strictSame(parseHostPort(formatted), { host, port }, `${formatted} again`)
  }
})

t.test('a default port stands in for one that is not there, and only then', async t => {
  const cases: [text: string, port: number][] = [
    ['host', 80],
    ['host:', 80],
    ['host:81', 81],
    ['[::1]', 80],
    ['[::1]:', 80],
    ['[::1]:81', 81],
  ]
  for (const [text, port] of cases) t.equal(parseHostPort(text, 80)?.port, port, text)
  for (const text of ['host', 'host:', '[::1]', '[::1]:']) {
    t.equal(parseHostPort(text), undefined, text)
  }
})

t.test('what is no authority is refused, with a default port too', async t => {
  const junk = [
    '',
    ':',
    ':80',
    '[]:80',
    '::1',
    '::1:80',
    '2001:db8::1',
    '[::1',
    '::1]:80',
    '[::1]80',
    '[::1]x:80',
    '[host]:80',
    '[127.0.0.1]:80',
    'host:0',
    'host:65536',
    'host:100000',
    'host:-1',
    'host:+80',
    'host:8e1',
    'host:0x50',
    'host: 80',
    'host:80 ',
    'host:80\n',
    'host:80/path',
    'host:80:80',
    'ho st:80',
    'ho/st:80',
    'host?:80',
    'host#:80',
    'host\\:80',
    'host\r\nX:80',
    'host\0:80',
    'user@host:80',
    'user:pw@host:80',
    'http://host:80',
    'münchen.example:80',
    '"host":80',
    `${'a'.repeat(256)}:80`,
  ]
  for (const text of junk) t.equal(parseHostPort(text, 80), undefined, JSON.stringify(text))
})

t.test('a host alone may be an IPv6 address without brackets', async t => {
  const cases: [text: string, host: string | undefined][] = [
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['HOST', 'host'],
    ['127.0.0.1', '127.0.0.1'],
    ['a'.repeat(255), 'a'.repeat(255)],
    ['host:80', undefined],
    ['[host]', undefined],
    [':::', undefined],
    ['', undefined],
    ['[]', undefined],
    ['a b', undefined],
  ]
  for (const [text, host] of cases) t.equal(parseHost(text), host, JSON.stringify(text))
})

t.test('a port is decimal and between 1 and 65535', async t => {
  for (const [text, port] of [
    ['1', 1],
    ['3128', 3128],
    ['65535', 65535],
    ['0', undefined],
    ['65536', undefined],
    ['', undefined],
    ['3128abc', undefined],
    ['1e3', undefined],
    ['٣', undefined],
  ] as const) {
    t.equal(parsePort(text), port, text)
  }
})
