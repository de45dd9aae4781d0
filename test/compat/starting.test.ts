import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { basics, beginning, type Configuration, type Place } from './duel.ts'

/** The account with other lines in place of those of the same keyword, and without those of `but`. */
const replacing =
  (lines: (place: Place) => readonly string[], ...but: string[]): Configuration =>
  place => {
    const own = lines(place)
    const names = [...own.map(line => line.split(' ')[0]), ...but]
    return [...basics(place).filter(line => !names.includes(line.split(' ')[0] ?? '')), ...own]
  }

type Row = readonly [name: string, configuration: Configuration]

const EXIT = 'exit 1'

/** An address that no host has (TEST-NET-2, RFC 5737). */
const NOWHERE = '198.51.100.1:3128'

/** Both end with exit code 1. */
const refused: Row[] = [
  ['no Listen', replacing(() => [], 'Listen')],
  ['no Proxy', replacing(() => [], 'Proxy')],
  ['an Auth that is none', replacing(() => ['Auth Kerberos'])],
  ['a Listen that is none', replacing(() => ['Listen abc'])],
  ['a Listen with port 0', replacing(() => ['Listen 127.0.0.1:0'])],
  ['a Listen whose port is taken', replacing(p => [`Listen 127.0.0.1:${p.origin}`])],
  ['a SOCKS5Proxy that is none', replacing(() => ['SOCKS5Proxy abc'])],
  ['a Tunnel with two fields', replacing(() => ['Tunnel 1:2'])],
  ['a Deny with 33 bits', replacing(() => ['Deny 10.0.0.0/33'])],
  ['a Proxy without a port', replacing(() => ['Proxy proxy.test'])],
  ['an Allow with an unknown name', replacing(() => ['Allow nowhere.invalid'])],
  ['a Proxy with user information', replacing(() => ['Proxy u:p@proxy.test:8080'])],
]

/** Both serve. */
const served: Row[] = [
  [
    'keywords without effect and values that count as none',
    replacing(() => [
      'Unknown x',
      'Gateway maybe',
      'Flags junk',
      'ISAScannerSize 1024',
      'ISAScannerAgent x',
      'SSPI NTLM',
    ]),
  ],
  ['a hash that is none, beside a Password', replacing(() => ['PassNT abc'])],
  [
    'Auth NTLM with a password of more than 14 characters',
    replacing(() => ['Auth NTLM', 'Password 123456789012345']),
  ],
  ['a Listen with a name', replacing(p => [`Listen localhost:${p.listen}`])],
  [
    'one of two Listen ports that is taken',
    replacing(p => [`Listen 127.0.0.1:${p.listen}`, `Listen 127.0.0.1:${p.origin}`]),
  ],
  ['an open port that is meant', replacing(p => [`Listen 0.0.0.0:${p.listen}`, 'Gateway yes'])],
  ['a SOCKS5Proxy port that is taken', replacing(p => [`SOCKS5Proxy 127.0.0.1:${p.origin}`])],
]

/** Only tsntlm serves. */
const accepted: [because: string, ...Row][] = [
  [
    'nothing needs a Proxy then',
    'NoProxy * without a Proxy',
    replacing(() => ['NoProxy *'], 'Proxy'),
  ],
  [
    'it is all that some want',
    'a SOCKS5 port alone',
    replacing(p => [`SOCKS5Proxy 127.0.0.1:${p.listen}`], 'Listen'),
  ],
  [
    'people write it',
    'a Listen with *',
    replacing(p => [`Listen *:${p.listen}`, 'Allow 127.0.0.1', 'Deny *']),
  ],
  [
    'Docker comes later',
    'a Listen address that is not there yet',
    replacing(() => [`Listen ${NOWHERE}`]),
  ],
  ['people write it', 'a Proxy as URL', replacing(() => ['Proxy http://proxy.test:8080'])],
  ['IPv6 is in use', 'a Deny for an IPv6 network', replacing(() => ['Deny 2001:db8::/32'])],
]

const TYPO = 'a mistyped value must not become another one'
const START = 'the start is where somebody looks'

/** Only cntlm serves. */
const noticed: [because: string, ...Row][] = [
  [TYPO, 'text behind the port of Listen', replacing(p => [`Listen ${p.listen} junk`])],
  [TYPO, 'letters behind the port of Listen', replacing(p => [`Listen 127.0.0.1:${p.listen}x`])],
  [
    TYPO,
    'a port beyond 65535, which wraps',
    replacing(p => [`Listen 127.0.0.1:${p.listen + 65536}`]),
  ],
  [TYPO, 'letters behind the port of Proxy', replacing(() => ['Proxy proxy.test:8080x'])],
  [TYPO, 'a Tunnel to no port', replacing(p => [`Tunnel ${p.tunnel}:site.test:ssh`])],
  ['it means nobody with cntlm, which nobody means', 'Deny 0', replacing(() => ['Deny 0'])],
  [
    'the port would be open to everybody',
    'a SOCKS5Users without a colon',
    replacing(p => [`SOCKS5Proxy ${p.socks}`, 'SOCKS5Users joe']),
  ],
  [
    'everybody would use the account, and Gateway yes can say that it is meant',
    'a Listen on all interfaces without an Allow',
    replacing(p => [`Listen 0.0.0.0:${p.listen}`]),
  ],
  [START, 'no Password and no hash', replacing(() => [], 'Password')],
  [START, 'no Username', replacing(() => [], 'Username')],
  [START, 'a hash of four digits', replacing(() => ['PassNTLMv2 abcd'], 'Password')],
]

const rows: (readonly [...Row, verdict: string, cntlm: string, tsntlm: string])[] = [
  ...refused.map(([name, file]) => [name, file, 'same', EXIT, EXIT] as const),
  ...served.map(([name, file]) => [name, file, 'same', 'serves', 'serves'] as const),
  ...accepted.map(
    ([why, name, file]) => [name, file, `better, because ${why}`, EXIT, 'serves'] as const,
  ),
  ...noticed.map(
    ([why, name, file]) => [name, file, `better, because ${why}`, 'serves', EXIT] as const,
  ),
]

if (skipUnless(t, ['cntlm'])) {
  // Most of the time is spent waiting for programs to start.
  t.jobs = 4
  for (const [name, configuration, verdict, cntlm, tsntlm] of rows) {
    t.test(`${name}: ${verdict}`, { buffered: true }, async t => {
      const [theirs, ours] = await Promise.all([
        beginning(t, 'cntlm', configuration),
        beginning(t, 'tsntlm', configuration),
      ])
      t.equal(theirs, cntlm, 'cntlm')
      t.equal(ours, tsntlm, 'tsntlm')
    })
  }
}
