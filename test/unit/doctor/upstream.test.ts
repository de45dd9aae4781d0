import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { ProxyError } from '../../../src/core/index.ts'
import { CLOCK, judgeSkew } from '../../../src/doctor/clock.ts'
import { judgeTrial, LOGON } from '../../../src/doctor/logon.ts'
import { UPSTREAM_NAME } from '../../../src/doctor/upstream-name.ts'
import { judgeDemand, UPSTREAM_OFFER } from '../../../src/doctor/upstream-offer.ts'
import { UPSTREAM_TCP } from '../../../src/doctor/upstream-tcp.ts'
import type { Demanded, Trial } from '../../../src/upstream/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { runCheck } from './host.ts'

const UPSTREAM = { host: '10.0.0.41', port: 8080 }
const NAMED = { host: 'proxy.test', port: 8080 }
const DEMANDED: Demanded = {
  status: 407,
  scheme: 'NTLM',
  offered: 'NTLM',
  asksAsOrigin: false,
  dateMs: undefined,
}

t.test('names are looked up, and what has no address is not asked further', async t => {
  const config = { ...DEFAULTS, upstreams: [UPSTREAM, NAMED, { host: 'gone.test', port: 1 }] }
  const { lines, learned } = await runCheck(
    UPSTREAM_NAME,
    { config },
    { names: { 'proxy.test': ['10.0.0.42', 'fd00::42'] } },
  )
  t.match(lines, [
    'ok 10.0.0.41 is an address',
    'ok proxy.test is 10.0.0.42, fd00::42',
    /^problem gone\.test has no address/,
  ])
  t.strictSame(learned?.resolved, [UPSTREAM, NAMED])
  t.match((await runCheck(UPSTREAM_NAME)).lines, [/^skipped there is no Proxy/])
})

t.test('a connection that fails is told with what to look at', async t => {
  const dial = async ({ host }: typeof UPSTREAM) =>
    Promise.reject(new ProxyError(host === NAMED.host ? 'DIAL_TIMEOUT' : 'DIAL_REFUSED'))
  const { judgements, learned } = await runCheck(
    UPSTREAM_TCP,
    { resolved: [UPSTREAM, NAMED] },
    { ports: { dialer: { dial } } },
  )
  t.match(judgements[0]?.advice[0], /no proxy on that port/)
  t.match(judgements[1]?.advice[0], /VPN/)
  t.strictSame(learned?.reachable, [])
})

t.test('an upstream must offer NTLM where it wants a logon', async t => {
  const verdict = (demanded: Partial<Demanded>): string =>
    judgeDemand(UPSTREAM, { ...DEMANDED, ...demanded }).verdict
  t.equal(verdict({}), 'ok')
  t.equal(verdict({ scheme: undefined, offered: 'Basic' }), 'problem')
  t.equal(verdict({ status: 503, scheme: undefined }), 'note')
  t.equal(verdict({ status: 401, scheme: undefined, asksAsOrigin: true }), 'problem')
})

t.test('clocks may differ by five minutes', async t => {
  t.equal(judgeSkew(300_000).verdict, 'ok')
  t.match(judgeSkew(300_001), { verdict: 'problem', text: /300 s ahead of/ })
  t.match(judgeSkew(-3_600_000), { verdict: 'problem', text: /3600 s behind/ })
  const at = (dateMs: number | undefined) =>
    runCheck(CLOCK, { demand: { upstream: UPSTREAM, demanded: { ...DEMANDED, dateMs } } })
  t.strictSame((await at(new FakeClock().wallMs() + 2_000)).lines, ['ok 2 s behind the upstream'])
  t.match((await at(undefined)).lines, [/^skipped the upstream says no time/])
})

t.test('there is one logon, and none where nothing is to be learned or it is unwanted', async t => {
  const demand = { upstream: UPSTREAM, demanded: DEMANDED }
  const config = { ...DEFAULTS, upstreams: [UPSTREAM] }
  let shown = 0
  const logOn = async (): Promise<Trial> => {
    shown++
    return { kind: 'accepted', status: 200 }
  }
  const once = await runCheck(LOGON, { config, demand }, { ports: { logOn } })
  t.match(once.lines, [/^ok 10\.0\.0\.41:8080 takes the password/])
  t.equal(once.learned?.logon, 'accepted')
  t.equal(shown, 1)
  const open = { upstream: UPSTREAM, demanded: { ...DEMANDED, status: 200 } }
  const other = { upstream: UPSTREAM, demanded: { ...DEMANDED, scheme: undefined } }
  for (const facts of [{ demand, mayLogOn: false }, { demand: open }, { demand: other }, {}]) {
    const { lines } = await runCheck(LOGON, { config, ...facts }, { ports: { logOn } })
    t.match(lines, [/^skipped /])
  }
  t.equal(shown, 1)
  t.match((await runCheck(LOGON, { config, demand })).lines, [/^skipped .*no account/])
})

t.test('each end of a logon has its words', async t => {
  const locked = new ProxyError('AUTH_LOCKED_OUT', { detail: 'was rejected' })
  const closed = new ProxyError('UPSTREAM_CLOSED')
  const cases: [trial: Trial, verdict: string, advice: RegExp | undefined][] = [
    [{ kind: 'open', status: 200 }, 'note', undefined],
    [{ kind: 'rejected', otherReading: false }, 'problem', /Username, Domain/],
    [{ kind: 'rejected', otherReading: true }, 'problem', /PassEncoding plain/],
    [{ kind: 'not-sent', error: locked }, 'problem', /tsntlm reload; .*: tsntlm unlock/],
    [{ kind: 'not-sent', error: closed }, 'problem', /see the log/],
    [{ kind: 'unanswered', error: closed }, 'problem', /domain controller/],
  ]
  for (const [trial, verdict, advice] of cases) {
    const judgement = judgeTrial('p:1', trial)
    t.equal(judgement.verdict, verdict)
    if (advice !== undefined) t.match(judgement.advice[0], advice)
  }
})

t.test('without the layer below the ones above are skipped', async t => {
  for (const check of [UPSTREAM_TCP, UPSTREAM_OFFER, CLOCK, LOGON])
    t.match((await runCheck(check)).lines, [/^skipped no upstream/])
})
