import t from 'tap'
import { isOwnError } from '../../../src/http1/index.ts'

const head = (status: number, ...headers: string[]) =>
  ({ version: '1.1', status, reason: '', headers }) as const

t.test(
  '502, 503 and 504 that a proxy gives by itself are told from those it passes on',
  async t => {
    const squids = ['Via', '1.1 squid', 'X-Squid-Error', 'ERR_CONNECT_FAIL 111']
    const cases: [method: string, status: number, headers: string[], isOwn: boolean][] = [
      ['GET', 502, [], true],
      ['GET', 503, squids, true],
      ['GET', 504, ['Via', '1.1 proxy'], false],
      ['GET', 503, ['Proxy-Status', 'p; received-status=503'], false],
      ['GET', 503, ['Via', '1.1 p', 'Proxy-Status', 'p; error=dns_error'], true],
      ['CONNECT', 503, ['Via', '1.1 proxy'], true],
      ['CONNECT', 502, squids, true],
      ['GET', 500, [], false],
      ['GET', 501, [], false],
      ['GET', 505, [], false],
      ['CONNECT', 403, [], false],
      ['CONNECT', 200, [], false],
    ]
    for (const [method, status, headers, isOwn] of cases) {
      const request = { method, target: 'a:1', headers: [] }
      t.equal(
        isOwnError(request, head(status, ...headers)),
        isOwn,
        `${method} ${status} ${headers.join(' ')}`,
      )
    }
  },
)
