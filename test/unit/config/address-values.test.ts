import t from 'tap'
import {
  parseClientRule,
  parseListen,
  parseNoProxy,
  parsePac,
  parseTunnel,
  parseUpstream,
} from '../../../src/config/address-values.ts'
import type { Parsed } from '../../../src/config/values.ts'

const errorOf = (parsed: Parsed<unknown>): string => (parsed.ok ? 'accepted' : parsed.error)

const hintOf = (parsed: Parsed<unknown>): string | undefined =>
  parsed.ok ? parsed.warnings[0]?.hint : parsed.hint

const warningsOf = (parsed: Parsed<unknown>): string[] =>
  parsed.ok ? parsed.warnings.map(({ message }) => message) : [parsed.error]

const matches = (parsed: ReturnType<typeof parseClientRule>, address: string): boolean =>
  parsed.ok && 'matches' in parsed.value && parsed.value.matches(address)

t.test('an upstream proxy is host:port', async t => {
  const table: [text: string, host: string, port: number][] = [
    ['10.0.0.41:8080', '10.0.0.41', 8080],
    ['Proxy.Example:80', 'proxy.example', 80],
    ['proxy_1.corp.:65535', 'proxy_1.corp.', 65535],
    ['[FE80::1]:8080', 'fe80::1', 8080],
    ['proxy 8080', 'proxy', 8080],
    ['proxy:  8080', 'proxy', 8080],
    ['[::1] 8080', '::1', 8080],
    ['1and1.de:1', '1and1.de', 1],
  ]
  for (const [text, host, port] of table) {
    t.strictSame(parseUpstream(text), { ok: true, value: { host, port }, warnings: [] }, text)
  }
})

t.test('an upstream proxy written as people write it is taken with a warning', async t => {
  for (const text of ['http://proxy:8080', 'HTTP://proxy:8080/', 'http://proxy 8080']) {
    const parsed = parseUpstream(text)
    t.strictSame(parsed.ok && parsed.value, { host: 'proxy', port: 8080 }, text)
    t.strictSame(warningsOf(parsed), ['the http:// in front of the address was ignored'])
    t.equal(hintOf(parsed), 'write proxy:8080')
  }
  const parsed = parseUpstream('::1:3128')
  t.strictSame(parsed.ok && parsed.value, { host: '::1', port: 3128 })
  t.equal(hintOf(parsed), 'write [::1]:3128')
})

t.test('an upstream proxy that cannot be one is refused', async t => {
  const table: [text: string, error: string][] = [
    ['proxy', 'the port is missing'],
    ['proxy:', 'the port is missing'],
    ['fe80::1', 'the port is missing'],
    ['[::1]', 'the port is missing'],
    [':8080', 'there is no address in front of the port'],
    ['', 'there is no address in front of the port'],
    ['proxy:99999', 'port must be 1-65535, got "99999"'],
    ['proxy:0', 'port must be 1-65535, got "0"'],
    ['proxy:8080x', 'port must be 1-65535, got "8080x"'],
    ['proxy:8080 junk', 'there is text behind the address'],
    ['proxy:80 8080', 'there is text behind the address'],
    ['10.0.0.256:8080', '"10.0.0.256" is neither an address nor a host name'],
    ['10.0.0:8080', '"10.0.0" is neither an address nor a host name'],
    ['-a:80', '"-a" is neither an address nor a host name'],
    ['a..b:80', '"a..b" is neither an address nor a host name'],
    ['*:80', '"*" is neither an address nor a host name'],
    ['[1::2::3]:80', '"[1::2::3]" is neither an address nor a host name'],
    ['=proxy:80', '"=proxy" is neither an address nor a host name'],
    ['proxy:80/path', 'port must be 1-65535, got "80/path"'],
    ['https://proxy:443', '"https://" upstream proxies are not supported'],
    ['user:hunter2@proxy:80', 'user information does not belong in the address'],
    ['http://user:hunter2@proxy:80', 'user information does not belong in the address'],
  ]
  for (const [text, error] of table) t.equal(errorOf(parseUpstream(text)), error, text)
  t.equal(hintOf(parseUpstream('fe80::1')), 'for example [fe80::1]:8080')
})

t.test('a listener is a port with or without an address', async t => {
  const table: [text: string, host: string | undefined, port: number][] = [
    ['3128', undefined, 3128],
    ['172.17.0.1:3128', '172.17.0.1', 3128],
    ['localhost:3128', 'localhost', 3128],
    ['docker0:3128', 'docker0', 3128],
    ['docker:3128', 'docker', 3128],
    ['br-0123456789ab:3128', 'br-0123456789ab', 3128],
    ['Eth0.100:3128', 'eth0.100', 3128],
    ['[::1]:3128', '::1', 3128],
    ['*:3128', '0.0.0.0', 3128],
    ['0.0.0.0:3128', '0.0.0.0', 3128],
  ]
  for (const [text, host, port] of table) {
    t.strictSame(parseListen(text), { ok: true, value: { host, port }, warnings: [] }, text)
  }
})

t.test('a listener that cntlm would open somewhere else is refused', async t => {
  const table: [text: string, error: string][] = [
    ['127.0.0.1', 'the port is missing'],
    ['127.0.0.1:', 'the port is missing'],
    ['localhost', 'the port is missing'],
    ['*:', 'the port is missing'],
    [':3128', 'there is no address in front of the port'],
    ['0', 'port must be 1-65535, got "0"'],
    ['70000', 'port must be 1-65535, got "70000"'],
    ['127.0.0.1:70000', 'port must be 1-65535, got "70000"'],
    ['3128 junk', 'there is text behind the address'],
    ['127.0.0.1:3128x', 'port must be 1-65535, got "3128x"'],
    ['127.0.0.1 3128', 'there is text behind the address'],
  ]
  for (const [text, error] of table) t.equal(errorOf(parseListen(text)), error, text)
  t.equal(hintOf(parseListen('127.0.0.1')), 'for example 127.0.0.1:3128')
})

t.test('a client rule is an address, a network or everybody', async t => {
  const table: [text: string, inside: string, outside: string | undefined][] = [
    ['10.0.0.0/8', '10.1.2.3', '11.0.0.1'],
    ['10.0.0.1', '10.0.0.1', '10.0.0.2'],
    ['10.0.0.1/32', '::ffff:10.0.0.1', '10.0.0.2'],
    ['fd00::/8', 'fd00::1', '10.0.0.1'],
    ['*', '10.0.0.1', undefined],
    ['0/0', '::1', undefined],
    ['0.0.0.0/0', '1.2.3.4', undefined],
  ]
  for (const [text, inside, outside] of table) {
    const parsed = parseClientRule(text)
    t.strictSame(warningsOf(parsed), [], text)
    t.equal(matches(parsed, inside), true, `${text} ${inside}`)
    if (outside !== undefined) t.equal(matches(parsed, outside), false, outside)
  }
  const masked = parseClientRule('10.0.0.1/8')
  t.match(warningsOf(masked), ['the address has bits behind the length of its network'])
  t.equal(matches(masked, '10.9.9.9'), true)
})

t.test('docker alone is a client rule of its own', async t => {
  for (const text of ['docker', 'Docker']) {
    const value = { text: 'docker', follows: 'docker' }
    t.strictSame(parseClientRule(text), { ok: true, value, warnings: [] })
  }
  t.equal(
    errorOf(parseClientRule('docker/16')),
    'docker stands for networks that have their lengths',
  )
})

t.test('a client rule may be a host name, with the length of the network around it', async t => {
  const table: [text: string, host: string, length: number | undefined][] = [
    ['Build.Corp', 'build.corp', undefined],
    ['build_1', 'build_1', undefined],
    ['build.corp./24', 'build.corp.', 24],
    ['localhost/0', 'localhost', 0],
    ['build/128', 'build', 128],
  ]
  for (const [text, host, length] of table) {
    const parsed = parseClientRule(text)
    t.strictSame(parsed, { ok: true, value: { text, host, length }, warnings: [] }, text)
  }
})

t.test('a client rule that is none is refused with the reason', async t => {
  const table: [text: string, error: string][] = [
    ['10.0.0.0/255.0.0.0', 'the length of a network is a number from 0 to 32, got "255.0.0.0"'],
    ['10.0.0.0/33', 'the length of a network is a number from 0 to 32, got "33"'],
    ['10.0.0.0/', 'the length of a network is a number from 0 to 32, got ""'],
    ['fd00::/129', 'the length of a network is a number from 0 to 128, got "129"'],
    ['10.0.0.0/8/8', 'the length of a network is a number from 0 to 32, got "8/8"'],
    ['0', '0 alone is no address'],
    ['10', '"10" is no address'],
    ['10.0.0.256', '"10.0.0.256" is no address'],
    ['', '"" is no address'],
    ['10.0.0.1 10.0.0.2', 'there is text behind the address'],
    ['gw..example', '"gw..example" is no address'],
    ['[fd00::1]', '"[fd00::1]" is no address'],
    ['gw.example/', 'the length of a network is a number from 0 to 128, got ""'],
    ['gw.example/129', 'the length of a network is a number from 0 to 128, got "129"'],
    ['gw.example/2x', 'the length of a network is a number from 0 to 128, got "2x"'],
    ['gw.example/24/8', 'the length of a network is a number from 0 to 128, got "24/8"'],
  ]
  for (const [text, error] of table) t.equal(errorOf(parseClientRule(text)), error, text)
})

t.test('NoProxy patterns stand between commas, white space and semicolons', async t => {
  const parsed = parseNoProxy('localhost, 127.0.0.*  10.0.0.0/8;.corp,,docker:2375\t<local>,*')
  t.strictSame(parsed, {
    ok: true,
    value: ['localhost', '127.0.0.*', '10.0.0.0/8', '.corp', 'docker:2375', '<local>', '*'],
    warnings: [],
  })
})

t.test('a NoProxy pattern that can never match is left out with a warning', async t => {
  const parsed = parseNoProxy('http://a/, 10.0.0.0/99, b')
  t.strictSame(parsed.ok && parsed.value, ['b'])
  t.strictSame(warningsOf(parsed), [
    '"http://a/" was ignored, it is a URL',
    '"10.0.0.0/99" was ignored, it is no network',
  ])
  t.strictSame(warningsOf(parseNoProxy(' ,')), ['there is no pattern'])
})

t.test('a tunnel is a port, with or without an address, and a target', async t => {
  const table: [text: string, listen: [string | undefined, number], target: [string, number]][] = [
    ['2222:git.example:22', [undefined, 2222], ['git.example', 22]],
    ['127.0.0.1:2222:git.example:22', ['127.0.0.1', 2222], ['git.example', 22]],
    ['*:2222:10.0.0.1:22', ['0.0.0.0', 2222], ['10.0.0.1', 22]],
    ['2222:[2001:DB8::1]:22', [undefined, 2222], ['2001:db8::1', 22]],
    ['[::1]:2222:[2001:db8::1]:22', ['::1', 2222], ['2001:db8::1', 22]],
  ]
  for (const [text, [host, port], [targetHost, targetPort]] of table) {
    const value = { listen: { host, port }, target: { host: targetHost, port: targetPort } }
    t.strictSame(parseTunnel(text), { ok: true, value, warnings: [] }, text)
  }
})

t.test('a tunnel that names no port or no target is refused', async t => {
  const form = 'it does not name a port and a target'
  const table: [text: string, error: string][] = [
    ['', form],
    ['2222', form],
    ['git.example:22', form],
    [':2222:git.example:22', form],
    ['2222::22', form],
    ['2222:git.example:22:', form],
    ['2222:2001:db8::1:22', form],
    ['a:1:b:2:c', form],
    ['2222:[::1]22', form],
    ['0:git.example:22', 'port must be 1-65535, got "0"'],
    ['here:git.example:22', 'the port is missing'],
    ['127.0.0.1:99999:git.example:22', 'port must be 1-65535, got "99999"'],
    ['2222:git.example:ssh', 'port must be 1-65535, got "ssh"'],
    ['2222:git.example:0', 'port must be 1-65535, got "0"'],
    ['2222:-git:22', '"-git" is neither an address nor a host name'],
    ['2222:git.example:22 junk', 'there is text behind the address'],
  ]
  for (const [text, error] of table) t.equal(errorOf(parseTunnel(text)), error, text)
  t.match(hintOf(parseTunnel('2222')), /^the form is port:host:port or address:port:host:port/)
})

t.test('a Pac is a path or a web address', async t => {
  const accepted = [
    '/etc/proxy.pac',
    'C:\\proxy.pac',
    'http://wpad/proxy.pac',
    'HTTPS://wpad.corp.example:8443/p?site=1',
  ]
  for (const text of accepted) {
    t.strictSame(parsePac(text), { ok: true, value: text, warnings: [] }, text)
  }
  const refused: [text: string, error: string, hint: string | undefined][] = [
    ['proxy.pac', 'an absolute path is needed, got "proxy.pac"', undefined],
    ['~/proxy.pac', 'an absolute path is needed, got "~/proxy.pac"', undefined],
    ['', 'an absolute path is needed, got ""', undefined],
    ['file:///etc/p.pac', '"file:" URLs are not supported', 'write the path alone'],
    ['ftp://a/p', '"ftp:" URLs are not supported', 'it can be a path, http:// or https://'],
    ['http:wpad', 'it is no URL', 'for example http://wpad.corp.example/proxy.pac'],
    ['http://', 'it is no URL', 'for example http://wpad.corp.example/proxy.pac'],
    ['http://a/b c', 'it is no URL', 'for example http://wpad.corp.example/proxy.pac'],
    [
      'http://u:hunter2@a/',
      'user information does not belong in the URL',
      'the script is fetched without a logon',
    ],
  ]
  for (const [text, error, hint] of refused) {
    t.equal(errorOf(parsePac(text)), error, text)
    t.equal(hintOf(parsePac(text)), hint, text)
  }
})
