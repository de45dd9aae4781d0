import t from 'tap'
import { compareWithCntlm } from '../../../src/migration/index.ts'

type Encoding = 'utf8' | 'latin1'

/** All remarks as they are printed, without the lines that mean what they mean with cntlm. */
function remarksOn(text: string, encoding: Encoding = 'utf8'): string[] {
  return compareWithCntlm(Buffer.from(text, encoding), 'f')
    .filter(({ isPlain }) => !isPlain)
    .map(({ line, directive, verdict, text: words }) => `${line} ${directive} ${verdict} ${words}`)
}

const ACCOUNT = ['Username testuser', 'Domain CORP', 'Password password']
const WAYS = ['Proxy 10.0.0.41:8080', 'Listen 172.17.0.1:3128']

/** What is said of a line in a file that can be used otherwise. */
function remarksOnLine(line: string, encoding: Encoding = 'utf8'): string[] {
  return remarksOn([line, ...ACCOUNT, ...WAYS, ''].join('\n'), encoding)
    .filter(remark => remark.startsWith('1 '))
    .map(remark => remark.slice(2))
}

t.test(
  'a file that means the same with both gets no remark, and each line can be named',
  async t => {
    const text = [...ACCOUNT, ...WAYS, 'NoProxy 10.*', ''].join('\n')
    t.strictSame(remarksOn(text), [])
    const all = compareWithCntlm(Buffer.from(text), 'f')
    t.strictSame(
      all.map(({ line, directive, verdict }) => `${line} ${directive} ${verdict}`),
      [
        '1 Username same',
        '2 Domain same',
        '3 Password same',
        '4 Proxy same',
        '5 Listen same',
        '6 NoProxy same',
      ],
    )
  },
)

t.test('the sample that Debian installs, with its capitals, fail-over and NoProxy', async t => {
  const text = [
    '#',
    'Username\ttestuser',
    'Domain\t\tcorp-uk',
    'Password\tpassword',
    'Proxy\t\t10.0.0.41:8080',
    'Proxy\t\t10.0.0.42:8080',
    'NoProxy\t\tlocalhost, 127.0.0.*, 10.*, 192.168.*',
    'Listen\t\t3128',
    '#Gateway\tyes',
    '',
  ].join('\n')
  t.matchOnly(remarksOn(text), [
    /^3 Domain different sent as it is written/,
    /^6 Proxy better serves in the very request/,
    /^7 NoProxy different "localhost 127\.0\.0\.\*": clients on other hosts/,
    /^8 Listen same 127\.0\.0\.1, as with cntlm 0\.92/,
  ])
})

t.test('the file of a GitLab Runner host', async t => {
  const text = [
    'Username     testuser',
    'Domain       corp-uk',
    'Password     password',
    'Proxy        10.0.0.41:8080',
    'Proxy        10.0.0.42:8080',
    'Listen       172.17.0.1:3128 # Change to your docker0 interface IP',
    '',
  ].join('\n')
  t.matchOnly(remarksOn(text), [/^2 Domain different/, /^5 Proxy better/])
})

// testuser, corp-uk, password
const PLAIN_NT = '8846F7EAEE8FB117AD06BDD830B7586C'
const INVERTED_NT = '77B9081511704EE852F94227CF48A793'
const PLAIN_V2 = 'E097C611EA19C676CD79309A3A2F59A3'
const INVERTED_V2 = '1F6839EE15E639893286CF65C5D0A65C'

t.test('hashes: who wrote them where they tell, and what to do where they do not', async t => {
  const cases: [hashes: string[], remarks: RegExp[]][] = [
    [
      [`PassNTLMv2 ${INVERTED_V2}`, `PassNT ${INVERTED_NT}`],
      [/^3 PassNTLMv2 better the hashes are inverted, as cntlm 0\.92 writes.* cntlm 0\.94 fails/],
    ],
    [
      [`PassNT ${PLAIN_NT}`, `PassNTLMv2 ${PLAIN_V2}`],
      [/^4 PassNTLMv2 better the hashes are plain, as cntlm 0\.94 writes.* cntlm 0\.92 fails/],
    ],
    [
      [`PassNTLMv2 ${INVERTED_V2}`],
      [/^3 PassNTLMv2 different the file does not tell .*PassEncoding inverted .*0\.92/],
    ],
    [
      [`PassNT ${PLAIN_NT}`],
      [/^3 PassNT better enough for Auth NTLMv2/, /^3 PassNT different the file does not tell/],
    ],
    [
      [`PassNTLMv2 ${PLAIN_V2}`, 'PassEncoding plain'],
      [/^3 PassNTLMv2 different the hash is plain: PassEncoding says so/],
    ],
    [[`PassNT ${PLAIN_NT}`, 'Password password'], []],
  ]
  for (const [hashes, expected] of cases) {
    const text = ['Username testuser', 'Domain CORP-UK', ...hashes, ...WAYS, ''].join('\n')
    t.matchOnly(remarksOn(text), expected, hashes.join(', '))
    for (const remark of remarksOn(text)) t.notMatch(remark, /[0-9A-F]{8}/, 'no hash is shown')
  }
})

t.test('lines that cntlm reads in another way', async t => {
  const cases: [line: string, remarks: RegExp[]][] = [
    ['Username CORP\\alice', [/^Username better the domain stands before the backslash/]],
    ['Username alice@corp.test', [/^Username same a name with @ is sent whole/]],
    [
      `Username ${'x'.repeat(50)}`,
      [/^Username better cntlm 0\.92 uses the first 49 bytes .*alone$/],
    ],
    [`Domain ${'X'.repeat(64)}`, [/first 49 bytes of the value alone, 0\.94 the first 63$/]],
    ['Password ""', [/^Password different an empty password is none/]],
    ['Workstation ""', [/^Workstation different the value is empty/]],
    ['Auth NT', [/^Auth better cntlm has never been able to log on/]],
    ['Auth ntlm', [/^Auth same weak/]],
    ['Auth LM', [/^Auth same weak/]],
    ['Auth NTLM2SR', [/^Auth different weak, and refused when/]],
    ['Auth GSS', [/^Auth different Kerberos is not there/]],
    ['Auth NTLMv2', []],
    ['Flags 0x06820000', [/^Flags different the bytes stand in wire order/]],
    ['Proxy http://10.0.0.9:8080/', [/^Proxy better the http:\/\/ is ignored/]],
    ['Proxy 10.0.0.9 8080', [/^Proxy better host and port with a space/]],
    ['Proxy [fd00::1]:8080', [/^Proxy better cntlm 0\.92 does not start with an IPv6 address/]],
    ['Proxy 10.0.0.9:8080x', [/^Proxy different cntlm ignores what is behind the port 8080,/]],
    ['Proxy 10.0.0.9:70000', [/^Proxy different cntlm takes port 4464 for it/]],
    ['Listen 127.0.0.1', [/^Listen different the port is missing: cntlm takes port 127 of/]],
    ['Listen 127.0.0.1:', [/^Listen different the port is missing: cntlm takes port 127 of/]],
    ['Listen 3129 and more', [/^Listen different cntlm ignores what is behind the port 3129,/]],
    ['Listen 70000', [/^Listen different cntlm takes port 4464 for it/]],
    ['Listen 127.0.0.1:70000', [/^Listen different cntlm takes port 4464 for it/]],
    [
      'Listen *:3129',
      [
        /^Listen different every IPv4 interface; cntlm 0\.94 opens loopback alone/,
        /^Listen different refused/,
      ],
    ],
    ['Listen [::1]:3129', [/^Listen better cntlm 0\.92 does not start/]],
    ['Listen bridge.corp:3129', [/^Listen different the first address of the name/]],
    ['Listen docker0:3129', [/^Listen better the addresses of an interface/]],
    ['Listen fd00::1:3129', []],
    ['Listen 0.0.0.0:3129', [/^Listen different refused without an Allow or Gateway yes/]],
    ['SOCKS5Proxy 1080', [/^SOCKS5Proxy same 127\.0\.0\.1, as with cntlm 0\.92/]],
    ['SOCKS5User dave:secret', [/^SOCKS5User different cntlm ignores SOCKS5User: its ports were/]],
    ['SOCKS5Users dave:secret', []],
    ['SOCKS5Users dave', [/^SOCKS5User different cntlm ignores what has no colon/]],
    ['Tunnel 2222:git.corp:22', []],
    ['Tunnel 2222:[fd00::2]:22', [/^Tunnel better cntlm takes no IPv6 address/]],
    ['Tunnel 70000:git.corp:22', [/^Tunnel different cntlm takes port 4464/]],
    ['Gateway on', [/^Gateway same counts as no/]],
    ['Gateway yes', [/^Gateway same without an Allow every host/]],
    ['Gateway no', []],
    ['Allow 10.0.0.0/8', []],
    ['Allow fd00::/8', [/^Allow better cntlm takes no IPv6 address/]],
    ['Allow host.corp', [/^Allow better all addresses of the name count/]],
    ['Allow docker', [/^Allow better the networks of Docker's own bridges/]],
    ['Allow 0', [/^Allow different cntlm takes it for the address 0\.0\.0\.0/]],
    [
      'Deny *',
      [/^Deny better holds for IPv6 clients too/, /^Deny different who is kept out gets 403/],
    ],
    ['NTLMToBasic yes', [/^NTLMToBasic better each account/, /^NTLMToBasic better SOCKS5Proxy/]],
    ['NTLMToBasic true', [/^NTLMToBasic same counts as no/]],
    ['Pac /etc/proxy.pac', [/^Pac different .*PacTrust/, /^Pac better a script that fails/]],
    ['Pac yes', [/^Pac different cntlm builds of 2020-22/]],
    ['PacFile /etc/proxy.pac', [/^PacFile different/]],
    ['SSPI NTLM', [/^SSPI different no effect, as with cntlm outside Windows/]],
    ['ISAScannerSize 1024', [/^ISAScannerSize different no effect/]],
    ['ISAScannerAgent Wget/', [/^ISAScannerAgent different no effect/]],
    ['Header User-Agent: x', [/^Header better added where the client sends no such field/]],
    ['Header nothing', [/^Header same ignored, as there is no colon/]],
    ['Header Connection: close', [/^Header different ignored: tsntlm writes this field itself/]],
    ['Header X-\u00e4: a', [/same ignored, as that is no header name/]],
    ['PassEncoding auto', []],
    ['Frobnicate yes', [/^Frobnicate same is no directive, and is ignored, as with cntlm$/]],
    ['Passwordsecret yes', [/^Password\.\.\. same is no directive/]],
    ['Domain;x', [/^Domain same there is no value, the line was ignored, as with cntlm/]],
    ['Domain "x', [/^Domain same the closing quote is missing, the line was ignored, as/]],
    ['Domain A#B', [/^Domain same the value ends before #, as with cntlm, which does not say/]],
    ['[section]', [/^undefined same sections have no effect/]],
  ]
  for (const [line, remarks] of cases) {
    t.matchOnly(remarksOnLine(line), remarks, line)
    for (const remark of remarksOnLine(line)) t.notMatch(remark, 'secret', 'no secret is shown')
  }
})

t.test('NoProxy patterns that mean more than with cntlm', async t => {
  const cases: [value: string, remarks: RegExp[]][] = [
    ['10.*, *.corp', []],
    ['.corp', [/different "\.corp" means all names that end so/]],
    [
      '10.0.0.0/8 10.1.0.1-10.1.0.9',
      [/different "10\.0\.0\.0\/8 10\.1\.0\.1-10\.1\.0\.9" means the/],
    ],
    ['docker:2375', [/different "docker:2375" means that port/]],
    ['*.CORP', [/better "\*\.CORP" matches in any case/]],
    ['a;b', [/different ; separates patterns/]],
    ['127.0.0.*', [/different "127\.0\.0\.\*": clients on other hosts/]],
    ['*', [/different "\*": clients on other hosts/]],
    ['169.254.*', [/different "169\.254\.\*": clients on other hosts/]],
    ['<local>', [/different "<local>" means names without a dot/, /"<local>": clients on other/]],
  ]
  for (const [value, remarks] of cases)
    t.matchOnly(remarksOnLine(`NoProxy ${value}`), remarks, value)
})

t.test('letters beyond ASCII matter where cntlm reads UTF-8 as Latin-1', async t => {
  const better = [/^Password better letters beyond ASCII/]
  t.matchOnly(remarksOnLine('Password stra\u00dfe'), better)
  t.strictSame(remarksOnLine('Password stra\u00dfe', 'latin1'), [])
  t.matchOnly(remarksOnLine('Header X-A: \u00e4'), [/better added/, /different letters beyond/])
  t.matchOnly(remarksOnLine('Header X-A: \u00e4', 'latin1'), [/better added/])
})

t.test('what stands twice counts once, as with cntlm', async t => {
  const text = [...ACCOUNT, 'Domain other', ...WAYS, ''].join('\n')
  t.matchOnly(remarksOn(text), [/^4 Domain same ignored, as the first one in the file counts/])
})

t.test('whole lines that cntlm does not read as they stand', async t => {
  const end = remarksOn([...ACCOUNT, ...WAYS].join('\n'))
  t.matchOnly(end, [/^5 Listen different cntlm drops the last line of a file/])
  const start = remarksOn(`\ufeff${[...ACCOUNT, ...WAYS, ''].join('\n')}`)
  t.matchOnly(start, [/^1 Username better the byte order mark/])
  const long = remarksOn([...ACCOUNT, `NoProxy 10.*${' '.repeat(4096)}`, ...WAYS, ''].join('\n'))
  t.matchOnly(long, [/^4 NoProxy better cntlm cuts the line behind 4095 bytes/])
})
