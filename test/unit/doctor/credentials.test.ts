import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { Secret } from '../../../src/core/index.ts'
import { CREDENTIALS, proxiesWithPassword } from '../../../src/doctor/credentials.ts'
import { runCheck } from './host.ts'

const WITH_PASSWORD = { ...DEFAULTS, password: new Secret('geheim') }

t.test('a file with the password must not be readable by everybody', async t => {
  const file = '/etc/tsntlm.conf'
  const cases: [config: typeof DEFAULTS, mode: number, line: RegExp][] = [
    [WITH_PASSWORD, 0o640, /^ok /],
    [WITH_PASSWORD, 0o644, /^problem everybody on this host can read the password in \/etc/],
    [DEFAULTS, 0o644, /^ok /],
    [{ ...DEFAULTS, passNt: new Secret(Buffer.alloc(16)) }, 0o644, /^problem /],
    [{ ...WITH_PASSWORD, passwordFile: '/p' }, 0o644, /^problem .* in \/p$/],
  ]
  for (const [config, mode, line] of cases) {
    const { lines } = await runCheck(
      CREDENTIALS,
      { config },
      { files: { [file]: ['', mode], '/p': ['', mode] } },
    )
    t.match(lines, [line])
  }
})

t.test('passwords in proxy URLs are found and never shown', async t => {
  const { lines } = await runCheck(
    CREDENTIALS,
    {},
    {
      files: {
        '/etc/apt/apt.conf': ['Acquire::http::Proxy "http://u:geheim@p:1";', 0o644],
        '/home/u/.npmrc': ['proxy=http://CORP%5Cu:ge@heim@p:1/\n', 0o600],
        '/home/u/.gitconfig': ['[url "https://u:geheim@git.test/"]\n# proxy http://u:x@p', 0o644],
      },
      environment: { HTTPS_PROXY: 'http://u:geheim@p:1', https_proxy: 'http://p:1' },
    },
  )
  t.match(lines.toSorted(), [
    /^note \/home\/u\/\.npmrc has a proxy with a password: http:\/\/CORP%5Cu:\*\*\*@p:1/,
    /^note HTTPS_PROXY of this shell has a password: http:\/\/u:\*\*\*@p:1/,
    /^problem \/etc\/apt\/apt\.conf has a proxy with a password: http:\/\/u:\*\*\*@p:1; everybody/,
  ])
  t.notMatch(lines.join(), /geheim|heim/)
})

t.test('only lines about proxies count', async t => {
  t.strictSame(proxiesWithPassword('registry=https://u:p@r.test/\nhttp_proxy=http://p:8080'), [])
  t.strictSame(proxiesWithPassword('"httpProxy": "http://u:p@p:8080/",'), ['http://u:p@p:8080'])
})
