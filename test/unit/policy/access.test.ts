import t from 'tap'
import { parseAddressRule } from '../../../src/core/index.ts'
import {
  type AccessRule,
  checkAccess,
  chooseRoute,
  compileNoProxy,
  isLocalTarget,
  isLoopback,
} from '../../../src/policy/index.ts'

function rules(...lines: string[]): AccessRule[] {
  return lines.map(line => {
    const [action = '', text = ''] = line.split(' ')
    const rule = parseAddressRule(text)
    if (rule === undefined || (action !== 'allow' && action !== 'deny')) throw new Error(line)
    return { action, rule }
  })
}

t.test('the first access rule that matches decides, and none allows', async t => {
  const cases: [rules: AccessRule[], address: string, allowed: boolean, rule: string][] = [
    [[], '203.0.113.9', true, 'no rule matches'],
    [rules('deny 10.0.0.0/8'), '172.17.0.2', true, 'no rule matches'],
    [rules('deny 10.0.0.0/8'), '10.1.1.1', false, 'Deny 10.0.0.0/8'],
    [rules('allow 127.0.0.1', 'deny *'), '127.0.0.1', true, 'Allow 127.0.0.1'],
    [rules('allow 127.0.0.1', 'deny *'), '127.0.0.2', false, 'Deny *'],
    [rules('allow 127.0.0.1', 'deny 0/0'), '::1', false, 'Deny 0/0'],
    [rules('deny *', 'allow 127.0.0.1'), '127.0.0.1', false, 'Deny *'],
    [rules('allow 10.1.0.0/16', 'deny 10.0.0.0/8'), '10.1.2.3', true, 'Allow 10.1.0.0/16'],
    [rules('allow 10.1.0.0/16', 'deny 10.0.0.0/8'), '10.2.2.3', false, 'Deny 10.0.0.0/8'],
    // A socket that listens on :: shows IPv4 clients in mapped form.
    [rules('allow 10.1.0.0/16', 'deny *'), '::ffff:10.1.2.3', true, 'Allow 10.1.0.0/16'],
    [rules('deny 10.0.0.0/8'), '::ffff:10.1.2.3', false, 'Deny 10.0.0.0/8'],
    [rules('allow fd00::/8', 'deny *'), 'fd00::5', true, 'Allow fd00::/8'],
    [rules('allow fe80::/10', 'deny *'), 'fe80::5%docker0', true, 'Allow fe80::/10'],
  ]
  for (const [list, address, allowed, rule] of cases) {
    t.strictSame(checkAccess(list, address), { allowed, rule }, address)
  }
})

t.test('NoProxy patterns', async t => {
  const cases: [pattern: string, direct: string[], proxied: string[]][] = [
    // cntlm's own: shell patterns against the host as the client named it.
    ['localhost', ['localhost', 'LOCALHOST'], ['localhost.example', '127.0.0.1']],
    ['127.0.0.*', ['127.0.0.1'], ['127.0.1.1']],
    ['10.*', ['10.1.2.3', '10.example'], ['110.1.2.3']],
    ['*.corp', ['git.corp'], ['corp', 'git.corp.example']],
    ['host[0-9]', ['host1'], ['hosta']],
    ['*', ['a', '10.0.0.1', '::1'], []],
    ['a;b', [], ['a', 'b']],
    // Beyond cntlm.
    ['.corp', ['git.corp', 'a.b.corp'], ['corp', 'gitcorp', 'git.corp.example']],
    ['.cor?', ['git.corp'], ['git.corpus']],
    ['10.0.0.0/8', ['10.1.2.3', '::ffff:10.1.2.3'], ['11.0.0.1', '10.example']],
    ['0/0', ['1.2.3.4', '2001:db8::1'], ['name']],
    ['fd00::/8', ['fd00::1', 'fd12:0:0::1'], ['fe80::1']],
    ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2']],
    ['[::1]', ['::1'], ['::2']],
    ['fd00:*', ['fd00::1'], ['fd01::1']],
    ['<local>', ['intranet', 'localhost'], ['intranet.corp', '10.0.0.1', '::1']],
  ]
  for (const [pattern, direct, proxied] of cases) {
    const rule = compileNoProxy(pattern)
    t.equal(rule.text, pattern)
    for (const host of direct) t.ok(rule.matches({ host, port: 443 }), `${host} by ${pattern}`)
    for (const host of proxied) t.notOk(rule.matches({ host, port: 1 }), `${host} not ${pattern}`)
  }
})

t.test('a NoProxy pattern with a port is for that port alone', async t => {
  const cases: [pattern: string, host: string][] = [
    ['docker:2375', 'docker'],
    ['*:2375', 'anything'],
    ['*.corp:2375', 'git.corp'],
    ['.corp:2375', 'git.corp'],
    ['10.0.0.1:2375', '10.0.0.1'],
    ['10.0.0.0/8:2375', '10.2.3.4'],
    ['[::1]:2375', '::1'],
    ['<local>:2375', 'docker'],
  ]
  for (const [pattern, host] of cases) {
    const rule = compileNoProxy(pattern)
    t.ok(rule.matches({ host, port: 2375 }), pattern)
    t.notOk(rule.matches({ host, port: 2376 }), pattern)
    t.notOk(rule.matches({ host: 'other.example', port: 2375 }) && pattern !== '*:2375', pattern)
  }
  t.notOk(compileNoProxy('docker:0').matches({ host: 'docker', port: 80 }), 'no port at all')
})

t.test('the route names the first NoProxy rule that matches', async t => {
  const noProxy = ['*.corp', '10.0.0.0/8', 'git.corp'].map(compileNoProxy)
  const cases: [host: string, kind: string, rule: string][] = [
    ['git.corp', 'direct', 'NoProxy *.corp'],
    ['10.9.8.7', 'direct', 'NoProxy 10.0.0.0/8'],
    ['example.com', 'upstreams', 'default'],
  ]
  for (const [host, kind, rule] of cases) {
    t.strictSame(chooseRoute(noProxy, { host, port: 80 }), { kind, rule }, host)
  }
  t.match(chooseRoute([], { host: 'localhost', port: 80 }), { kind: 'upstreams' })
})

t.test('addresses that are private to the host', async t => {
  const local = [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:127.0.0.1',
    '0.0.0.0',
    '::',
    '::ffff:0.0.0.0',
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '::ffff:168.63.129.16',
    '::127.0.0.1',
    '::7f00:1',
    '::a9fe:a9fe',
    '::168.63.129.16',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::192.0.0.192',
    '64:ff9b::',
  ]
  const others = [
    ...['10.0.0.1', '172.17.0.1', '128.0.0.1', '8.8.8.8', '2001:db8::1', 'fd00::1', '::2'],
    ...['168.63.129.17', '192.0.0.191', '::8.8.8.8', '64:ff9b::10.0.0.1', '64:ff9b:1::7f00:1'],
  ]
  for (const address of local) t.ok(isLocalTarget(address), address)
  for (const address of others) t.notOk(isLocalTarget(address), address)
})

t.test('clients that are on the host itself', async t => {
  for (const address of ['127.0.0.1', '127.0.0.53', '::1', '::ffff:127.0.0.1']) {
    t.ok(isLoopback(address), address)
  }
  for (const address of ['172.17.0.1', '169.254.1.1', 'fe80::1', '0.0.0.0', '::', 'localhost']) {
    t.notOk(isLoopback(address), address)
  }
})
