import t from 'tap'
import { assembleConfig, parseDirectives } from '../../../src/config/index.ts'
import { formatHostPort, parseHostPort } from '../../../src/core/index.ts'
import { chooseAddresses } from '../../../src/setup/facts.ts'

function choose(lines: string[], docker0?: string, proxy?: string) {
  const { config } = assembleConfig(
    parseDirectives(['Proxy a:1', 'Username u', 'Password p', ...lines].join('\n'), 'f').directives,
  )
  return chooseAddresses({
    proxy: proxy === undefined ? undefined : parseHostPort(proxy),
    listeners: config?.listeners ?? [],
    docker0,
  })
}

t.test('programs of the host and containers each get the address that they reach', async t => {
  const cases: [lines: string[], docker0: string | undefined, host: string, container: string][] = [
    [['Listen 172.17.0.1:3128'], '172.17.0.1', '172.17.0.1:3128', '172.17.0.1:3128'],
    [
      ['Listen 172.17.0.1:3128', 'Listen 127.0.0.1:3129'],
      '172.17.0.1',
      '127.0.0.1:3129',
      '172.17.0.1:3128',
    ],
    [['Listen 10.0.0.9:1', 'Listen 172.30.0.1:2'], '172.30.0.1', '10.0.0.9:1', '172.30.0.1:2'],
    [['Listen 10.0.0.9:1'], '172.17.0.1', '10.0.0.9:1', '10.0.0.9:1'],
    [['Listen docker0:3128'], '172.30.0.1', '172.30.0.1:3128', '172.30.0.1:3128'],
    [
      ['Listen 10.0.0.9:1', 'Listen docker:3128', 'Listen 3128'],
      undefined,
      '127.0.0.1:3128',
      '172.17.0.1:3128',
    ],
    [['Listen *:3128', 'Allow docker'], '172.30.0.1', '127.0.0.1:3128', '172.30.0.1:3128'],
    [['Listen *:3128', 'Allow docker'], undefined, '127.0.0.1:3128', '172.17.0.1:3128'],
    [['Gateway yes', 'Listen 3128'], undefined, '127.0.0.1:3128', '172.17.0.1:3128'],
    [['Listen [::]:3128', 'Allow docker'], undefined, '127.0.0.1:3128', '172.17.0.1:3128'],
    [
      ['SOCKS5Proxy 127.0.0.1:1080', 'Listen 10.0.0.9:3128'],
      undefined,
      '10.0.0.9:3128',
      '10.0.0.9:3128',
    ],
  ]
  for (const [lines, docker0, host, container] of cases) {
    const chosen = choose(lines, docker0)
    if (chosen === undefined) throw new Error(lines.join())
    t.equal(formatHostPort(chosen.host), host, lines.join())
    t.equal(formatHostPort(chosen.container), container, lines.join())
    t.equal(chosen.containerWarning, undefined, lines.join())
  }
})

t.test('a port on loopback alone gives a warning with the line that is missing', async t => {
  for (const line of ['Listen 127.0.0.1:3128', 'Listen 3128', 'Listen [::1]:3128']) {
    const chosen = choose([line], '172.30.0.1')
    t.match(chosen?.container, { host: '172.30.0.1', port: 3128 })
    t.match(chosen?.containerWarning, /^containers cannot reach .*: add "Listen docker0:3128"/)
  }
})

t.test('--proxy beats the configuration, and loopback there is warned of too', async t => {
  const chosen = choose(['Listen 127.0.0.1:3128'], undefined, 'proxy.corp:8080')
  t.same(chosen?.host, { host: 'proxy.corp', port: 8080 })
  t.same(chosen?.container, chosen?.host)
  t.equal(chosen?.containerWarning, undefined)
  t.match(choose([], undefined, 'localhost:1')?.containerWarning, /^localhost:1 is inside/)
})

t.test('without a port for HTTP there is no address', async t => {
  t.equal(choose(['SOCKS5Proxy 127.0.0.1:1080']), undefined)
})
