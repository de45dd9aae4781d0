import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodePac } from '../../../src/pac/index.ts'
import { parsePacAnswer } from '../../../src/policy/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { FakeNames, hasQuickJs, load, NEVER } from './sandbox.ts'

const source = decodePac(readFileSync(new URL('../../fixtures/corporate.pac', import.meta.url)))

const NAMES = {
  'hosted.example.net': ['203.0.113.77'],
  'upper-half.example.net': ['203.0.113.200'],
  'www.example.org': ['192.0.2.80'],
}

const EU = 'PROXY proxy-eu1.example.corp:8080; PROXY proxy-eu2.example.corp:8080'
const US = 'PROXY proxy-us1.example.corp:8080; PROXY proxy-us2.example.corp:8080'

/** A Wednesday at noon, and the following Saturday. */
const NOON = Date.parse('2026-11-25T12:00:00Z')
const SATURDAY = Date.parse('2026-11-28T12:00:00Z')
const CHRISTMAS = Date.parse('2026-12-25T12:00:00Z')

if (await hasQuickJs(t)) {
  t.test('the script of a company decides as its author meant', async t => {
    const cases: [url: string, answer: string, wallMs?: number][] = [
      ['http://intranet/', 'DIRECT'],
      ['http://localhost/', 'DIRECT'],
      ['https://wiki.example.com/', 'DIRECT'],
      ['https://WIKI.example.com/', 'DIRECT'],
      ['http://example.corp/', 'DIRECT'],
      ['http://a.b.example.corp/', 'DIRECT'],
      ['http://notexample.corp/', EU],
      ['http://press.hall.plant2.example.com/', 'PROXY plant-gw.example.corp:8080; DIRECT'],
      ['http://press.hall.plant4.example.com/', 'DIRECT'],
      ['http://10.9.8.7/', 'DIRECT'],
      ['http://100.127.0.1/', 'DIRECT'],
      ['http://100.128.0.1/', EU],
      ['http://[fd12::1]/', 'DIRECT'],
      ['http://[2001:db8:c0de::1]/', 'DIRECT'],
      ['http://[2001:db8:beef::1]/', EU],
      ['https://x.ads.example/', 'PROXY 127.0.0.1:9'],
      ['https://tracker7.example/', 'PROXY 127.0.0.1:9'],
      ['https://api.bank.example.org/', 'PROXY bank-gw.example.corp:8080'],
      ['https://supplier-a.example.org/', 'proxy partner-gw.example.corp:8443 ;'],
      ['https://archive.example.org/', `SOCKS5 socks.example.corp:1080; ${EU}; DIRECT`],
      ['https://x.turn3.example.net/', 'DIRECT'],
      ['https://x.turnx.example.net/', EU],
      ['https://npm.example.org/', EU],
      ['https://npm.example.org/', `PROXY night.example.corp:8080; ${EU}`, SATURDAY],
      ['https://crl1.example.org/', EU, SATURDAY],
      ['https://crlx.example.org/', `PROXY night.example.corp:8080; ${EU}`, SATURDAY],
      ['https://a.video.example.net/', `PROXY media.example.corp:8081; ${EU}`],
      ['https://a.video.example.net/', EU, CHRISTMAS],
      ['ftp://ftp.example.org/pub', 'PROXY ports.example.corp:8080'],
      ['https://www.example.org:9443/', 'PROXY ports.example.corp:8080'],
      ['https://www.example.org/', EU],
      ['https://hosted.example.net/', 'DIRECT'],
      ['https://upper-half.example.net/', EU],
      ['https://unknown.example.net/', EU],
    ]
    for (const [url, answer, wallMs = NOON] of cases) {
      const pac = await load(source, {
        clock: new FakeClock(wallMs),
        resolve: new FakeNames(NAMES).resolve,
        localAddresses: () => ['10.12.34.56'],
      })
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
      t.equal(await pac.find(url, host, NEVER), answer, url)
    }
  })

  t.test('the site decides where the proxy is', async t => {
    const cases: [me: string, answer: string, alerts: string[]][] = [
      ['10.41.0.9', US, []],
      ['10.74.1.1', 'PROXY proxy-ap1.example.corp:8080', []],
      ['192.168.200.4', 'PROXY guest.example.corp:3128', []],
      ['192.168.201.4', EU, ['no site for 192.168.201.4']],
    ]
    for (const [me, answer, alerts] of cases) {
      const said: string[] = []
      const pac = await load(source, {
        resolve: new FakeNames(NAMES).resolve,
        localAddresses: () => ['fe80::1', me],
        onAlert: text => said.push(text),
      })
      t.equal(await pac.find('http://www.example.org/', 'www.example.org', NEVER), answer, me)
      t.same(said, alerts)
    }
  })

  t.test('its answers are lists of candidates', async t => {
    const pac = await load(source)
    const answerFor = async (host: string): Promise<unknown> =>
      parsePacAnswer(await pac.find(`https://${host}/`, host, NEVER))
    t.same(await answerFor('supplier-b.example.org'), {
      candidates: [{ kind: 'proxy', address: { host: 'partner-gw.example.corp', port: 8443 } }],
      ignored: [],
    })
    t.same(await answerFor('archive.example.org'), {
      candidates: [
        { kind: 'proxy', address: { host: 'proxy-eu1.example.corp', port: 8080 } },
        { kind: 'proxy', address: { host: 'proxy-eu2.example.corp', port: 8080 } },
        { kind: 'direct' },
      ],
      ignored: ['SOCKS5 socks.example.corp:1080'],
    })
  })
}
