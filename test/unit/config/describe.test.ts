import { inspect } from 'node:util'
import t from 'tap'
import { assembleConfig, describeConfig, parseDirectives } from '../../../src/config/index.ts'

const parse = (text: string) => assembleConfig(parseDirectives(text, 'f').directives).config

const TEXT = `Username            u
Workstation         "w#1"
Password            "hunter2"
PassNT              0123456789abcdef0123456789abcdef
Auth                NTLMv2
Flags               0x06820000
Proxy               a:1
Proxy               [::1]:2
Listen              172.17.0.1:3128
SOCKS5Proxy         172.17.0.1:1080
SOCKS5Users         bob:hunter2
Tunnel              172.17.0.1:2222:[::1]:22
Allow               10.0.0.1
Deny                10.0.0.0/8
Allow               *
NoProxy             b, 10.*
Pac                 http://wpad/proxy.pac?key=hunter2
PacTrust            *.corp:8080 10.0.0.0/8
Header              user-agent: curl/8
Header              X-Company-Key: key hunter2
TunnelIdleTimeout   90m
ControlSocket       /run/c.sock
Admin               unix:/run/a.sock
`

t.test('a described configuration has every effective value and no secret', async t => {
  const config = parse(TEXT)
  if (config === undefined) throw new Error('the text is a configuration')
  const described = describeConfig(config)
  t.equal(
    described,
    `Username            u
Workstation         "w#1"
Password            [secret] from f
PassNT              [secret]
PassEncoding        auto
Auth                NTLMv2
Flags               0x06820000
Listen              172.17.0.1:3128
SOCKS5Proxy         172.17.0.1:1080
SOCKS5User          bob:[secret]
Tunnel              172.17.0.1:2222:[::1]:22
Gateway             no
Allow               10.0.0.1
Deny                10.0.0.0/8
Allow               *
NTLMToBasic         no
Proxy               a:1
Proxy               [::1]:2
NoProxy             b, 10.*
DirectToLocal       no
OriginLogon         yes
OriginBasic         asked
Pac                 http://wpad/proxy.pac?[secret]
PacRefresh          5m
PacTrust            *.corp:8080, 10.0.0.0/8
Header              user-agent: curl/8
Header              X-Company-Key: [secret]
ConnectTimeout      2.5s
HandshakeTimeout    15s
ResponseTimeout     15m
SessionIdleTimeout  100s
TunnelIdleTimeout   90m
HeaderTimeout       1m
BodyTimeout         5m
BodyRate            500
ClientIdleTimeout   2m
RateLimitRetry      connect
RateLimitWait       30s
RateLimitTotal      50s
MaxHandshakes       16
LogonBudget         2
LogonCheck          http://255.255.255.255/
MaxSessions         512
MaxWaiting          1024
MaxClients          auto
MaxClientsPerAddress off
Workers             1
Warm                authenticated
WarmMax             8
WarmTunnels         off
ControlSocket       /run/c.sock
ShutdownGrace       30s
LogLevel            info
LogFormat           auto
Admin               unix:/run/a.sock
AdminExposed        no
`,
  )
  const printed = inspect(config, { depth: 9 }) + JSON.stringify(config.password)
  t.notOk(printed.includes("'hunter2'"))
})

t.test('a described configuration reads back as the same', async t => {
  const config = parse(TEXT)
  if (config === undefined) throw new Error('the text is a configuration')
  const described = describeConfig(config)
  const again = parse(described.replace(/^(PassNT +).*$/m, '$1' + '0'.repeat(32)))
  t.not(again, undefined)
  t.equal(again && describeConfig(again), described)
})

t.test('the value of a header is shown only where its name is known to be harmless', async t => {
  const shown = ['User-Agent', 'ACCEPT', 'Accept-Language', 'Cache-Control', 'Content-Type']
  const masked = [
    'Authorization',
    'Cookie',
    'X-Api-Key',
    'Api-Key',
    'X-Auth',
    'X-Secret',
    'X-Forwarded-User',
    'Ocp-Apim-Subscription-Key',
    'User-Agent-Key',
    'Referer',
    'X-Anything',
  ]
  for (const name of [...shown, ...masked]) {
    const config = parse(
      `Proxy a:1\nListen 3128\nUsername u\nPassword p\nHeader ${name}: hunter2\n`,
    )
    if (config === undefined) throw new Error('the text is a configuration')
    const value = shown.includes(name) ? 'hunter2' : '[secret]'
    t.match(describeConfig(config), `Header              ${name}: ${value}\n`)
  }
})
