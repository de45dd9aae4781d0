import t from 'tap'
import { GO, PORTABLE } from '../../../src/setup/no-proxy.ts'
import { doubleQuote, shellQuote, unquote, xmlText } from '../../../src/setup/quote.ts'
import { exportLines, proxyVariables, unsetLines } from '../../../src/setup/variables.ts'

const PROXY = { host: '::1', port: 3128 }

t.test('variables come in both cases, with an address without account', async t => {
  const { values, warnings } = proxyVariables(PROXY, ['10.*', '.corp'], PORTABLE, ['docker:2375'])
  t.same(values, [
    ['http_proxy', 'http://[::1]:3128'],
    ['HTTP_PROXY', 'http://[::1]:3128'],
    ['https_proxy', 'http://[::1]:3128'],
    ['HTTPS_PROXY', 'http://[::1]:3128'],
    ['no_proxy', 'localhost,127.0.0.1,::1,.corp,docker:2375'],
    ['NO_PROXY', 'localhost,127.0.0.1,::1,.corp,docker:2375'],
  ])
  t.match(warnings, [/^not carried over from NoProxy: 10\.\* /])
  t.same(proxyVariables(PROXY, ['10.*'], GO).warnings, [])
})

t.test('each shell gets its own words and quotes', async t => {
  const values = [['A', "it's $x"]] as const
  t.same(exportLines(values, 'sh'), ["export A='it'\\''s $x'"])
  t.same(exportLines(values, 'fish'), ["set -gx A 'it\\'s $x'"])
  t.same(exportLines(values, 'powershell'), ["$env:A = 'it''s $x'"])
  t.same(unsetLines(values, 'sh'), ['unset A'])
  t.same(unsetLines(values, 'fish'), ['set -e A'])
  t.same(unsetLines(values, 'powershell'), ['Remove-Item Env:A -ErrorAction SilentlyContinue'])
})

t.test('quoting', async t => {
  t.equal(shellQuote('http://a:1'), 'http://a:1')
  t.equal(shellQuote(''), "''")
  t.equal(doubleQuote('a"b\\'), '"a\\"b\\\\"')
  t.equal(unquote('"a\\"b\\\\"'), 'a"b\\')
  t.equal(unquote('a"b'), 'a"b')
  t.equal(xmlText('<a&b>'), '&lt;a&amp;b&gt;')
})
