import t from 'tap'
import { formatProxyStatus } from '../../../src/http1/index.ts'

t.test('Proxy-Status is a valid structured field', async t => {
  const cases: [details: string | undefined, expected: string][] = [
    [undefined, 'tsntlm; error=dns_error'],
    ['', 'tsntlm; error=dns_error; details=""'],
    ['no such name', 'tsntlm; error=dns_error; details="no such name"'],
    ['a "b" \\c', 'tsntlm; error=dns_error; details="a \\"b\\" \\\\c"'],
    ['jürgen\r\nX: y 😀', 'tsntlm; error=dns_error; details="j?rgen??X: y ?"'],
  ]
  for (const [details, expected] of cases) {
    const status = details === undefined ? {} : { details }
    t.equal(formatProxyStatus({ error: 'dns_error', ...status }), expected)
  }
  const long = formatProxyStatus({ error: 'x', details: '"'.repeat(5000) })
  t.match(long, /^tsntlm; error=x; details="(\\"){512}"$/)
})
