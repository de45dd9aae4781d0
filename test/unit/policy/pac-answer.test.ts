import t from 'tap'
import { formatHostPort } from '../../../src/core/index.ts'
import { parsePacAnswer } from '../../../src/policy/index.ts'

/** The candidates in short: `direct`, or the proxy's address. */
function shortly(text: string): { candidates: string[]; ignored: readonly string[] } {
  const { candidates, ignored } = parsePacAnswer(text)
  return {
    candidates: candidates.map(each =>
      each.kind === 'direct' ? 'direct' : formatHostPort(each.address),
    ),
    ignored,
  }
}

t.test('candidates come in the order of the answer', async t => {
  const cases: [text: string, candidates: string[]][] = [
    ['DIRECT', ['direct']],
    ['PROXY a:1; PROXY b:2; DIRECT', ['a:1', 'b:2', 'direct']],
    ['DIRECT; PROXY a:1', ['direct', 'a:1']],
    ['proxy A.Example:8080;direct', ['a.example:8080', 'direct']],
    ['  PROXY\ta:1 ;;; DIRECT ; ', ['a:1', 'direct']],
    ['PROXY a:1\r\n; DIRECT\n', ['a:1', 'direct']],
    ['HTTP a:3128', ['a:3128']],
    ['PROXY a; HTTP b', ['a:80', 'b:80']],
    ['PROXY 10.0.0.1:3128', ['10.0.0.1:3128']],
    ['PROXY [2001:db8::1]:3128; PROXY [::2]', ['[2001:db8::1]:3128', '[::2]:80']],
    ['PROXY a:1; PROXY A:1; PROXY a:2; DIRECT; DIRECT', ['a:1', 'a:2', 'direct']],
    ['', []],
    [' ; ;', []],
  ]
  for (const [text, candidates] of cases) {
    t.strictSame(shortly(text), { candidates, ignored: [] }, JSON.stringify(text))
  }
})

t.test('what is not understood is reported and never taken for something else', async t => {
  const cases = [
    'SOCKS a:1080',
    'SOCKS4 a:1080',
    'SOCKS5 a:1080',
    'HTTPS a:443',
    'QUIC a:443',
    'PROXY',
    'PROXY a:0',
    'PROXY a:65536',
    'PROXY a:http',
    'PROXY http://a:8080',
    'PROXY user@a:8080/',
    'PROXY 2001:db8::1',
    'PROXY a:1 b:2',
    'PROXY:a:1',
    'DIRECT now',
    'a:8080',
    'null',
  ]
  for (const item of cases) {
    t.strictSame(shortly(item), { candidates: [], ignored: [item] }, item)
    t.strictSame(shortly(`PROXY x:1; ${item};DIRECT`), {
      candidates: ['x:1', 'direct'],
      ignored: [item],
    })
  }
})

t.test('a long item is reported in part', async t => {
  t.strictSame(shortly('x'.repeat(5000)).ignored, ['x'.repeat(100)])
})
