import t from 'tap'
import { FakeClock } from '../../harness/fake-clock.ts'
import { evaluator, FakeNames, hasQuickJs } from './sandbox.ts'

const NAMES = {
  'v4.example': ['10.1.2.3'],
  'v6.example': ['2001:db8::7'],
  'both.example': ['2001:db8::8', '198.51.100.8', '10.0.0.8'],
}

type Cases = Record<string, unknown>

if (await hasQuickJs(t)) {
  const names: Cases = {
    'isPlainHostName("www")': true,
    'isPlainHostName("www.example.com")': false,
    'isPlainHostName("::1")': false,
    'dnsDomainIs("www.example.com", ".example.com")': true,
    'dnsDomainIs("www.example.com", "example.com")': true,
    'dnsDomainIs("example.com", ".example.com")': false,
    'dnsDomainIs("www", ".example.com")': false,
    'dnsDomainIs("www.example.com.evil", ".example.com")': false,
    'dnsDomainLevels("www")': 0,
    'dnsDomainLevels("www.example.com")': 2,
    'localHostOrDomainIs("www.example.com", "www.example.com")': true,
    'localHostOrDomainIs("www", "www.example.com")': true,
    'localHostOrDomainIs("home.example.com", "www.example.com")': false,
    'localHostOrDomainIs("ww", "www.example.com")': false,
    'getClientVersion()': '1.0',
    'typeof alert("said")': 'undefined',
  }

  const resolving: Cases = {
    'dnsResolve("v4.example")': '10.1.2.3',
    'dnsResolve("V4.Example")': '10.1.2.3',
    'dnsResolve("both.example")': '198.51.100.8',
    'dnsResolve("v6.example")': null,
    'dnsResolve("unknown.example")': null,
    'dnsResolve("192.0.2.1")': '192.0.2.1',
    'dnsResolve("::1")': null,
    'dnsResolve("")': null,
    'dnsResolve("not a name")': null,
    'dnsResolve(undefined)': null,
    'dnsResolveEx("both.example")': '2001:db8::8;198.51.100.8;10.0.0.8',
    'dnsResolveEx("unknown.example")': '',
    'dnsResolveEx("fe80::1")': 'fe80::1',
    'isResolvable("v4.example")': true,
    'isResolvable("v6.example")': false,
    'isResolvable("unknown.example")': false,
    'isResolvableEx("v6.example")': true,
    'isResolvableEx("unknown.example")': false,
    'myIpAddress()': '192.0.2.7',
    'myIpAddressEx()': '2001:db8::1;192.0.2.7',
  }

  const nets: Cases = {
    'isInNet("10.1.2.3", "10.0.0.0", "255.0.0.0")': true,
    'isInNet("11.1.2.3", "10.0.0.0", "255.0.0.0")': false,
    'isInNet("198.95.249.79", "198.95.249.79", "255.255.255.255")': true,
    'isInNet("172.31.255.255", "172.16.0.0", "255.240.0.0")': true,
    'isInNet("172.32.0.0", "172.16.0.0", "255.240.0.0")': false,
    'isInNet("10.1.2.3", "10.9.9.9", "255.0.0.0")': true,
    'isInNet("v4.example", "10.1.0.0", "255.255.0.0")': true,
    'isInNet("v6.example", "10.1.0.0", "255.255.0.0")': false,
    'isInNet("unknown.example", "0.0.0.0", "0.0.0.0")': false,
    'isInNet("::1", "0.0.0.0", "0.0.0.0")': false,
    'isInNet("10.1.2.3", "10.0.0.0", "/8")': false,
    'isInNet("10.1.2.3", "10.0.0", "255.0.0.0")': false,
    'isInNet("10.1.2.256", "0.0.0.0", "0.0.0.0")': false,
    'isInNetEx("10.1.2.3", "10.0.0.0/8")': true,
    'isInNetEx("10.1.2.3", "11.0.0.0/8")': false,
    'isInNetEx("10.1.2.3", "10.1.2.2/31")': true,
    'isInNetEx("10.1.2.4", "10.1.2.2/31")': false,
    'isInNetEx("10.1.2.3", "0.0.0.0/0")': true,
    'isInNetEx("10.1.2.3", "10.1.2.3/32")': true,
    'isInNetEx("10.1.2.3", "10.0.0.0/33")': false,
    'isInNetEx("10.1.2.3", "10.0.0.0")': false,
    'isInNetEx("10.1.2.3", "10.0.0.0/8/8")': false,
    'isInNetEx("2001:db8::7", "2001:db8::/32")': true,
    'isInNetEx("2001:DB8:0:0:0:0:0:7", "2001:db8::/125")': true,
    'isInNetEx("2001:db8::8", "2001:db8::/125")': false,
    'isInNetEx("::ffff:10.0.0.1", "::ffff:a00:0/104")': true,
    'isInNetEx("10.1.2.3", "::/0")': false,
    'isInNetEx("v6.example", "2001:db8::/32")': true,
    'isInNetEx("both.example", "10.0.0.0/8")': true,
    'isInNetEx("unknown.example", "::/0")': false,
    'isInNetEx("::1", "1:2:3:4:5:6:7/16")': false,
    'isInNetEx("::1", "1::2::3/16")': false,
    'isInNetEx("::1", "12345::/16")': false,
    'isInNetEx("::1", "::1.2.3/16")': false,
    'sortIpAddressList("10.2.0.0;2001:db8::2; 10.1.0.0 ;2001:db8::1")':
      '2001:db8::1;2001:db8::2;10.1.0.0;10.2.0.0',
    'sortIpAddressList("9.0.0.0;10.0.0.0")': '9.0.0.0;10.0.0.0',
    'sortIpAddressList("10.0.0.0")': '10.0.0.0',
    'sortIpAddressList("10.0.0.0;nonsense")': false,
    'sortIpAddressList("")': false,
  }

  const globs: Cases = {
    'shExpMatch("http://home.example/people/", "*/people/*")': true,
    'shExpMatch("http://home.example/people", "*/people/*")': false,
    'shExpMatch("www.example.com", "*.example.com")': true,
    'shExpMatch("wwwXexample.com", "*.example.com")': false,
    'shExpMatch("www.example.com", "www.example.com")': true,
    'shExpMatch("www.example.com.evil", "www.example.com")': false,
    'shExpMatch("www.example.com", "example")': false,
    'shExpMatch("www", "w?w")': true,
    'shExpMatch("ww", "w?w")': false,
    'shExpMatch("", "*")': true,
    'shExpMatch("", "")': true,
    'shExpMatch("a", "")': false,
    'shExpMatch("abc", "**c")': true,
    'shExpMatch("ab", "ab*b")': false,
    'shExpMatch("a.b.c.d", "a.*.c.*")': true,
    'shExpMatch("a.c.b.d", "a.*.b.*.c")': false,
    'shExpMatch("abab", "*ab")': true,
    'shExpMatch("host1", "host[0-9]")': true,
    'shExpMatch("hostx", "host[0-9]")': false,
    'shExpMatch("hostx", "host[!0-9]")': true,
    'shExpMatch("hostx", "host[^0-9]")': true,
    'shExpMatch("a]", "a[]]")': true,
    'shExpMatch("a^", "a[x^]")': true,
    'shExpMatch("a[", "a[")': true,
    'shExpMatch("a[]", "a[]")': true,
    'shExpMatch("ab", "a[z-a]")': false,
    'shExpMatch("a+b(c)|d^e$f\\\\g", "a+b(c)|d^e$f\\\\g")': true,
    'shExpMatch("aab", "a+b")': false,
    'shExpMatch("npm.example", "(apt|npm).example")': true,
    'shExpMatch("yum.example", "(apt|npm).example")': false,
    'shExpMatch("x.b.org", "(*.a|*.b).(com|org)")': true,
    'shExpMatch("aXb", "(a(X|Y)b|c)")': true,
    'shExpMatch("ac", "a(b|)c")': true,
    'shExpMatch("WWW.example.com", "www.*")': false,
    'shExpMatch(12, "1?")': true,
    'shExpMatch("a".repeat(8000), "*a".repeat(40) + "b")': false,
  }

  const tables: [name: string, cases: Cases][] = [
    ['helpers that look at names alone', names],
    ['helpers that resolve', resolving],
    ['helpers that compare addresses', nets],
    ['shell patterns', globs],
  ]
  for (const [name, cases] of tables) {
    t.test(name, async t => {
      const evaluate = await evaluator({
        resolve: new FakeNames(NAMES).resolve,
        localAddresses: () => ['2001:db8::1', '192.0.2.7'],
      })
      for (const [expression, expected] of Object.entries(cases)) {
        t.equal(await evaluate(expression), expected, expression)
      }
    })
  }

  t.test('a host without addresses is 127.0.0.1 to itself', async t => {
    const evaluate = await evaluator({ localAddresses: () => [] })
    t.equal(await evaluate('myIpAddress()'), '127.0.0.1')
    t.equal(await evaluate('myIpAddressEx()'), '')
  })

  /** A Tuesday, 23:30:15 GMT; in the zone of the tests, two hours east, already Wednesday 01:30:15, the 1st of July. */
  const moment = Date.parse('2026-06-30T23:30:15Z')
  const clocks: Cases = {
    'new Date().getTime()': moment,
    'new Date().getHours()': 1,
    'weekdayRange("WED")': true,
    'weekdayRange("TUE")': false,
    'weekdayRange("TUE", "GMT")': true,
    'weekdayRange("wed")': true,
    'weekdayRange("MON", "FRI")': true,
    'weekdayRange("FRI", "MON")': false,
    'weekdayRange("SAT", "WED")': true,
    'weekdayRange("WEDNESDAY")': false,
    'weekdayRange()': false,
    'dateRange(1)': true,
    'dateRange(30, "GMT")': true,
    'dateRange(1, 15)': true,
    'dateRange(2, 15)': false,
    'dateRange(25, 5)': true,
    'dateRange("JUL")': true,
    'dateRange("jun", "GMT")': true,
    'dateRange("JUL", "SEP")': true,
    'dateRange("NOV", "FEB")': false,
    'dateRange("NOV", "JUL")': true,
    'dateRange(2026)': true,
    'dateRange(2025)': false,
    'dateRange(2025, 2027)': true,
    'dateRange(2027, 2025)': false,
    'dateRange(1, "JUL")': true,
    'dateRange(2, "JUL")': false,
    'dateRange(1, "JUL", 2026)': true,
    'dateRange(15, "JUN", 15, "JUL")': true,
    'dateRange(2, "JUL", 15, "JUL")': false,
    'dateRange(20, "DEC", 6, "JAN")': false,
    'dateRange(20, "DEC", 1, "JUL")': true,
    'dateRange("JUN", 2026, "AUG", 2026)': true,
    'dateRange("AUG", 2025, "JUN", 2026)': false,
    'dateRange(1, "JAN", 2026, 1, "JUL", 2026)': true,
    'dateRange(2, "JUL", 2026, 1, "JAN", 2027)': false,
    'dateRange(1, "JAN", 2026, 30, "JUN", 2026, "GMT")': true,
    'dateRange(1, 2, 3)': false,
    'dateRange("JULY")': false,
    'dateRange()': false,
    'timeRange(1)': true,
    'timeRange(23, "GMT")': true,
    'timeRange(23)': false,
    'timeRange(0, 1)': true,
    'timeRange(2, 8)': false,
    'timeRange(22, 6)': true,
    'timeRange(1, 30, 1, 30)': true,
    'timeRange(1, 0, 1, 29)': false,
    'timeRange(22, 0, 6, 0)': true,
    'timeRange(1, 30, 15, 1, 30, 15)': true,
    'timeRange(1, 30, 16, 1, 30, 20)': false,
    'timeRange(23, 30, 0, 23, 30, 20, "GMT")': true,
    'timeRange(1, 2, 3)': false,
    'timeRange("noon")': false,
    'timeRange()': false,
  }

  t.test('times and dates follow the clock and the zone', async t => {
    const clock = new FakeClock(moment)
    const evaluate = await evaluator({ clock, timezoneOffset: -120 })
    for (const [expression, expected] of Object.entries(clocks)) {
      t.equal(await evaluate(expression), expected, expression)
    }
    clock.advance(3_600_000)
    t.equal(await evaluate('timeRange(2)'), true, 'the time goes on')
  })
}
