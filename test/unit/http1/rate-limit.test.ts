import t from 'tap'
import {
  demandedWaitMs,
  isRateLimited,
  parseHttpDate,
  type ResponseHead,
  wasPassedOn,
} from '../../../src/http1/index.ts'

const NOW = Date.UTC(2026, 10, 25, 8, 0, 0)

function head(status: number, ...headers: string[]): ResponseHead {
  return { version: '1.1', status, reason: '', headers }
}

t.test('HTTP dates are read in the three forms of RFC 9110 section 5.6.7', async t => {
  const at = Date.UTC(1994, 10, 6, 8, 49, 37)
  const cases: [string, number | undefined][] = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', at],
    ['Sunday, 06-Nov-94 08:49:37 GMT', at],
    ['Sun Nov  6 08:49:37 1994', at],
    ['sun, 06 nov 1994 08:49:37 gmt', at],
    ['Sun Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['Tuesday, 06-Nov-29 08:49:37 GMT', Date.UTC(2029, 10, 6, 8, 49, 37)],
    ['Friday, 06-Nov-76 08:49:37 GMT', Date.UTC(2076, 10, 6, 8, 49, 37)],
    ['Saturday, 06-Nov-77 08:49:37 GMT', Date.UTC(1977, 10, 6, 8, 49, 37)],
    ['Thu, 31 Dec 2026 23:59:60 GMT', Date.UTC(2027, 0, 1)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Sat, 29 Feb 2025 00:00:00 GMT', undefined],
    ['Sun, 00 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Abc 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 24:00:00 GMT', undefined],
    ['Sun, 06 Nov 1994 08:60:00 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 +0100', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT ', undefined],
    ['Sun, 6 Nov 1994 08:49:37 GMT', undefined],
    ['1994-11-06T08:49:37Z', undefined],
    ['785000000', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of cases) t.equal(parseHttpDate(text, NOW), expected, text)
})

t.test('a 429 is a rate limit, a 503 only when it says when to come again', async t => {
  t.ok(isRateLimited(head(429)))
  t.ok(isRateLimited(head(503, 'retry-AFTER', 'x')))
  for (const other of [head(503), head(200, 'Retry-After', '1'), head(403, 'Retry-After', '1')])
    t.notOk(isRateLimited(other))
})

t.test('RateLimit-ResetTime comes before Retry-After, in any case', async t => {
  const later = 'Wed, 25 Nov 2026 08:00:07 GMT'
  const cases: [string[], number | undefined][] = [
    [['RateLimit-ResetTime', later, 'Retry-After', '30'], 7_000],
    [['ratelimit-resettime', later], 7_000],
    [['Retry-After', '30', 'RATELIMIT-RESETTIME', ` ${later}\t`], 7_000],
    [['RateLimit-ResetTime', '1790000000', 'Retry-After', '30'], 30_000],
    [['RateLimit-ResetTime', '', 'Retry-After', later], 7_000],
    [['RateLimit-ResetTime', 'Wed, 25 Nov 2026 07:59:00 GMT'], -60_000],
    [['RETRY-after', ' 0 '], 0],
    [['Retry-After', '9'.repeat(400)], 2 ** 31 * 1_000],
    [['Retry-After', '-5'], undefined],
    [['Retry-After', '1.5'], undefined],
    [['Retry-After', 'soon'], undefined],
    [[], undefined],
  ]
  for (const [headers, expected] of cases)
    t.equal(demandedWaitMs(head(429, ...headers), NOW), expected, headers.join(' ').slice(0, 80))
})

t.test('it is told what a proxy passed on from what it says itself', async t => {
  const via = ['Via', '1.1 squid (squid/5.7)']
  const cases: [string[], boolean][] = [
    [[], false],
    [via, true],
    [[...via, 'X-Squid-Error', 'ERR_ACCESS_DENIED 0'], false],
    [[...via, 'Proxy-Status', 'edge; error=connection_limit_reached'], false],
    [['Proxy-Status', 'edge; received-status=429'], true],
    [['Proxy-Status', 'edge; received-status=429; error=x'], true],
  ]
  for (const [headers, expected] of cases)
    t.equal(wasPassedOn(head(429, ...headers)), expected, headers.join(' '))
})
