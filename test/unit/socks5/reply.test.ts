import t from 'tap'
import type { ErrorCode, HostPort } from '../../../src/core/index.ts'
import { Rep, replyBytes, replyCodeFor } from '../../../src/socks5/index.ts'
import { hex } from './clients.ts'

t.test('a reply is that of RFC 1928 section 6 byte for byte', async t => {
  const cases: [bound: HostPort | undefined, expected: string][] = [
    [undefined, '05 00 00 01 00 00 00 00 00 00'],
    [{ host: '192.0.2.7', port: 443 }, '05 00 00 01 c0 00 02 07 01 bb'],
    [{ host: '::', port: 1 }, `05 00 00 04 ${'00'.repeat(16)} 00 01`],
    [{ host: '2001:db8::1', port: 65535 }, `05 00 00 04 20010db8 ${'00'.repeat(11)} 01 ff ff`],
    [{ host: '1:2:3:4:5:6:7:8', port: 80 }, '05 00 00 04 00010002000300040005000600070008 00 50'],
    [{ host: 'fe80::1%eth0', port: 80 }, `05 00 00 04 fe80 ${'00'.repeat(13)} 01 00 50`],
    [{ host: '::ffff:192.0.2.7', port: 80 }, `05 00 00 04 ${'00'.repeat(10)} ffff c0000207 00 50`],
    [{ host: 'localhost', port: 80 }, '05 00 00 01 00 00 00 00 00 00'],
  ]
  for (const [bound, expected] of cases) {
    t.same(replyBytes(Rep.SUCCEEDED, bound), hex(expected), bound?.host ?? 'nothing bound')
  }
  t.same(replyBytes(Rep.CONNECTION_REFUSED), hex('05 05 00 01 00 00 00 00 00 00'))
})

t.test('failures are told as far as RFC 1928 has a code for them', async t => {
  const cases: [code: ErrorCode, reply: number][] = [
    ['CLIENT_DENIED', 2],
    ['ROUTE_DENIED', 2],
    ['DIAL_DNS', 4],
    ['DIAL_UNREACHABLE', 4],
    ['DIAL_REFUSED', 5],
    ['DIAL_TIMEOUT', 6],
    ['UPSTREAM_TIMEOUT', 1],
    ['AUTH_REJECTED', 1],
    ['NO_UPSTREAM', 1],
    ['BUG', 1],
  ]
  for (const [code, reply] of cases) t.equal(replyCodeFor(code), reply, code)
})
