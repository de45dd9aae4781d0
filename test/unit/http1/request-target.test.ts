import t from 'tap'
import { formatHostPort } from '../../../src/core/index.ts'
import { parseAbsoluteForm, parseAuthorityForm } from '../../../src/http1/index.ts'

t.test('absolute form', async t => {
  const cases: [target: string, scheme: string, address: string, path: string, host: string][] = [
    ['http://h/', 'http', 'h:80', '/', 'h'],
    ['HTTP://Ex.COM', 'http', 'ex.com:80', '/', 'Ex.COM'],
    ['https://h/a', 'https', 'h:443', '/a', 'h'],
    ['ftp://h/a;type=i', 'ftp', 'h:21', '/a;type=i', 'h'],
    ['http://h:8080/a/../b//c', 'http', 'h:8080', '/a/../b//c', 'h:8080'],
    ['http://h:/a', 'http', 'h:80', '/a', 'h'],
    ['http://h?q=http://x/', 'http', 'h:80', '/?q=http://x/', 'h'],
    ['http://h/a@b:c', 'http', 'h:80', '/a@b:c', 'h'],
    ['http://h/\\..\\%2e|{}"<>^`\xe9', 'http', 'h:80', '/\\..\\%2e|{}"<>^`\xe9', 'h'],
    ['http://[::1]:81/x', 'http', '[::1]:81', '/x', '[::1]:81'],
    ['http://[2001:DB8::1]', 'http', '[2001:db8::1]:80', '/', '[2001:DB8::1]'],
    ['ws://h:81/', 'ws', 'h:81', '/', 'h:81'],
  ]
  for (const [target, scheme, address, pathAndQuery, hostField] of cases) {
    const parsed = parseAbsoluteForm(target)
    t.match(parsed, { scheme, pathAndQuery, hostField }, target)
    t.equal(parsed && formatHostPort(parsed.authority), address, target)
  }
})

t.test('targets that are no absolute form', async t => {
  const cases = [
    ...['', '/', '*', 'h:443', 'http:', 'http:/h/', 'http://', 'http:///a', 'http://?q', '://h/'],
    ...['http://u@h/', 'http://u:p@h/', 'http://:80/', 'http://h:0/', 'http://h:65536/'],
    ...['http://h:80:80/', 'http://h:x/', 'http://[::1/', 'http://::1/', 'http://[h]/'],
    ...['http://h/#f', 'http://h#f', 'http://h/a b', 'http://h /', ' http://h/', 'http://h/\r\n'],
    ...['http://h/\0', 'http://h/\x7f', 'http://h\\x/', 'http://h/\u0100', 'ws://h/', '1http://h/'],
  ]
  for (const target of cases) t.equal(parseAbsoluteForm(target), undefined, JSON.stringify(target))
})

t.test('authority form', async t => {
  t.same(parseAuthorityForm('Ex.com:443'), { host: 'ex.com', port: 443 })
  t.same(parseAuthorityForm('[::1]:8443'), { host: '::1', port: 8443 })
  for (const target of [
    'h',
    'h:',
    ':443',
    'u@h:443',
    'http://h:443',
    'h:443/',
    'h:443 ',
    '::1:443',
  ]) {
    t.equal(parseAuthorityForm(target), undefined, JSON.stringify(target))
  }
})

t.test('an IPv6 zone, which means nothing to anybody but the client, is refused', async t => {
  for (const host of ['[fe80::1%eth0]', '[fe80::1%25eth0]', '[::1%1]']) {
    t.equal(parseAbsoluteForm(`http://${host}/`), undefined, host)
    t.equal(parseAbsoluteForm(`http://${host}:8080/`), undefined, host)
    t.equal(parseAuthorityForm(`${host}:443`), undefined, host)
  }
  t.match(parseAuthorityForm('[fe80::1]:443'), { host: 'fe80::1', port: 443 })
})
