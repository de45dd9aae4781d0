import t from 'tap'
import { isSquids } from '../../../src/http1/index.ts'

t.test('a Squid is known by what it writes into its answers', async t => {
  for (const [headers, expected] of [
    [['Server', 'squid/5.7'], true],
    [['Server', 'Squid'], true],
    [['Via', '1.1 proxy.corp.test (squid/5.7)'], true],
    [['X-Squid-Error', 'ERR_CACHE_ACCESS_DENIED 0'], true],
    [['X-Cache-Lookup', 'NONE from proxy.corp.test:3128'], true],
    [['Server', 'Microsoft-IIS/10.0', 'Via', '1.1 gateway'], false],
    [[], false],
  ] as const) {
    const head = { version: '1.1', status: 407, reason: '', headers } as const
    t.equal(isSquids(head), expected, headers.join(' '))
  }
})
