import { formatHostPort } from '../core/index.ts'
import {
  parseClientRule,
  parseListen,
  parseNoProxy,
  parsePac,
  parseTunnel,
  parseUpstream,
} from './address-values.ts'
import type { Config, ListenAddress } from './config.ts'
import {
  type DirectiveSpec,
  inert,
  list,
  type Setting,
  single,
  timeLimit,
} from './directive-rows.ts'
import {
  count,
  oneOf,
  parseDialect,
  parseAbsolutePath,
  parseHash,
  parseHeader,
  parseLenientYesNo,
  parseNegotiateFlags,
  parseOptionalText,
  parsePassword,
  parseSocksUser,
  parseText,
  parseYesNo,
  swapBytes,
} from './values.ts'

const asWritten = (text: string | undefined): string | undefined => (text === '' ? undefined : text)
const asYesNo = (value: boolean): string => (value ? 'yes' : 'no')
const asSecret = (value: unknown): string | undefined =>
  value === undefined ? undefined : '[secret]'
const asPlace = (place: string | undefined): string => (place === undefined ? '' : ` from ${place}`)
const asFlags = (flags: number | undefined): string | undefined =>
  flags === undefined ? undefined : `0x${swapBytes(flags).toString(16).padStart(8, '0')}`

const ISA_PAGES = 'The progress pages of ISA scanners are handed on to the client as they are'

/** Header values that are credentials. */
const SECRET_FIELDS = /^(authorization|cookie|x-api-key)$|token/i

function accessRule(name: 'Allow' | 'Deny', show: (config: Config) => Setting[]): DirectiveSpec {
  const action = name === 'Allow' ? 'allow' : 'deny'
  return list(name, {
    grammar: 'address | name | address/length | name/length | docker | *',
    doc: `Clients that may ${name === 'Deny' ? 'not ' : ''}use the proxy; the first Allow or Deny line that matches decides`,
    otherwise: 'every client',
    parse: parseClientRule,
    add: (draft, rule, origin) =>
      void draft.acl.push({
        action,
        rule: 'host' in rule ? { ...rule, origin } : rule,
      }),
    show,
  })
}

/** THE table of directives: the assembler, `describeConfig`, the manual and the sample configuration follow it. */
export const DIRECTIVES: readonly DirectiveSpec[] = [
  single('Username', 'username', {
    grammar: 'user | DOMAIN\\user | user@domain',
    doc: 'Account that logs on to the upstream proxies',
    parse: parseText,
    show: asWritten,
  }),
  single('Domain', 'domain', {
    grammar: 'name',
    doc: 'Windows domain of the account',
    parse: parseText,
    show: asWritten,
  }),
  single('Workstation', 'workstation', {
    grammar: 'name',
    doc: 'NetBIOS name given as the place of the logon',
    otherwise: 'the name of the host',
    parse: parseOptionalText,
    show: asWritten,
  }),
  {
    ...single('Password', 'password', {
      grammar: 'text',
      doc: 'Password of the account; beats PasswordFile and the hashes',
      parse: parsePassword,
      show: asSecret,
    }),
    show: ({ password, passwordFrom }) =>
      password === undefined
        ? []
        : [{ name: 'Password', value: `[secret]${asPlace(passwordFrom)}` }],
  },
  single('PasswordFile', 'passwordFile', {
    grammar: 'absolute path',
    doc: 'File whose first line is the password; beats the hashes',
    since: 'tsntlm',
    parse: parseAbsolutePath,
    // The password that was read from it shows where it is from.
    show: () => undefined,
  }),
  single('PassNTLMv2', 'passNtlmV2', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of user, domain and password for Auth NTLMv2',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassNT', 'passNt', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of the password for every Auth but LM',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassLM', 'passLm', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of the password for Auth LM and NTLM',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassEncoding', 'passEncoding', {
    grammar: 'auto | plain | inverted',
    doc: 'How the hashes are written: plain (cntlm 0.94), every bit inverted (cntlm 0.92), or to be found out',
    since: 'tsntlm',
    parse: oneOf('auto', 'plain', 'inverted'),
    show: value => value,
  }),
  single('Auth', 'dialect', {
    grammar: 'NTLMv2 | NTLM2SR | NTLM | NT | LM',
    doc: 'Dialect of the logon; all but NTLMv2 are weak',
    parse: parseDialect,
    show: value => value,
  }),
  single('Flags', 'negotiateFlags', {
    grammar: '32-bit number, bytes in wire order',
    doc: 'NegotiateFlags of the first NTLM message',
    otherwise: 'those of the dialect',
    parse: parseNegotiateFlags,
    show: asFlags,
  }),
  list('Proxy', {
    grammar: 'host:port',
    doc: 'Upstream proxy; of several the next serves when one fails',
    parse: parseUpstream,
    add: (draft, upstream) => {
      const known = draft.upstreams.map(formatHostPort)
      if (known.includes(formatHostPort(upstream)))
        return { message: `${formatHostPort(upstream)} is there twice` }
      draft.upstreams.push(upstream)
      return undefined
    },
    show: config => config.upstreams.map(each => ({ name: 'Proxy', value: formatHostPort(each) })),
  }),
  list('Listen', {
    grammar: 'port | address:port | interface:port | docker:port | *:port',
    doc: 'Where clients reach this proxy; a port alone is on loopback, with Gateway yes on every IPv4 interface',
    parse: parseListen,
    add: (draft, spec, origin) =>
      void draft.listeners.push({ ...spec, serves: { kind: 'http' }, origin }),
    show: config => listenersOf(config, 'http').map(value => ({ name: 'Listen', value })),
  }),
  list('SOCKS5Proxy', {
    grammar: 'port | address:port | interface:port | docker:port | *:port',
    doc: 'Where SOCKS5 clients reach this proxy; their connections go the same ways as a CONNECT',
    parse: parseListen,
    add: (draft, spec, origin) =>
      void draft.listeners.push({ ...spec, serves: { kind: 'socks5' }, origin }),
    show: config => listenersOf(config, 'socks5').map(value => ({ name: 'SOCKS5Proxy', value })),
  }),
  {
    ...list('SOCKS5User', {
      grammar: 'user:password',
      doc: 'Account for SOCKS5 clients; without one everybody may use the SOCKS5 ports',
      parse: parseSocksUser,
      add: (draft, account) => {
        const name = account.user.toLowerCase()
        if (draft.socksUsers.some(({ user }) => user.toLowerCase() === name))
          return { message: 'the user was there before, the first password counts' }
        draft.socksUsers.push(account)
        return undefined
      },
      show: config =>
        config.socksUsers.map(({ user }) => ({ name: 'SOCKS5User', value: `${user}:[secret]` })),
    }),
    // What cntlm really looked for, whatever its manual said.
    aliases: ['SOCKS5Users'],
  },
  list('Tunnel', {
    grammar: 'port:host:port | address:port:host:port | interface:port:host:port',
    doc: 'Port that leads to one fixed target, through the upstream proxy unless NoProxy says otherwise',
    parse: parseTunnel,
    add: (draft, { listen, target }, origin) =>
      void draft.listeners.push({ ...listen, serves: { kind: 'tunnel', target }, origin }),
    show: config => listenersOf(config, 'tunnel').map(value => ({ name: 'Tunnel', value })),
  }),
  single('Gateway', 'gateway', {
    grammar: 'yes | no',
    doc: 'Whether a port alone, of Listen, SOCKS5Proxy or Tunnel, is opened on every IPv4 interface',
    parse: parseLenientYesNo,
    show: asYesNo,
  }),
  // One rule order for both, so Allow shows the lines of both.
  accessRule('Allow', ({ acl }) =>
    acl.map(({ action, rule }) => ({
      name: action === 'allow' ? 'Allow' : 'Deny',
      value: rule.text,
    })),
  ),
  accessRule('Deny', () => []),
  list('NoProxy', {
    grammar: 'pattern, pattern ...',
    doc: 'Hosts that are reached directly: shell patterns, .suffix, networks, host:port, <local>',
    parse: parseNoProxy,
    add: (draft, patterns) => void (draft.noProxy = [...draft.noProxy, ...patterns]),
    show: ({ noProxy }) =>
      noProxy.length === 0 ? [] : [{ name: 'NoProxy', value: noProxy.join(', ') }],
  }),
  single('DirectToLocal', 'directToLocal', {
    grammar: 'yes | no',
    doc: 'Whether clients on other hosts may reach the loopback and link-local addresses of this one by NoProxy',
    since: 'tsntlm',
    parse: parseYesNo,
    show: asYesNo,
  }),
  single('NTLMToBasic', 'ntlmToBasic', {
    grammar: 'yes | no',
    doc: 'Whether clients have to log on to this proxy with Basic; it logs on to the upstream proxies with their accounts',
    parse: parseLenientYesNo,
    show: asYesNo,
  }),
  single('OriginLogon', 'originLogon', {
    grammar: 'yes | no',
    doc: 'Whether web servers that are reached directly and demand NTLM are given the account, or that of the client',
    since: 'tsntlm',
    parse: parseYesNo,
    show: asYesNo,
  }),
  single('OriginBasic', 'originBasic', {
    grammar: 'asked | always',
    doc: 'When the Basic credentials of a client go to a web server that is reached directly: once it asked for Basic, or always',
    since: 'tsntlm',
    parse: oneOf('asked', 'always'),
    show: value => value,
  }),
  single('Pac', 'pac', {
    grammar: 'path | http://... | https://...',
    doc: 'Proxy auto-configuration script that chooses the way of what NoProxy does not cover',
    parse: parsePac,
    show: location => location?.replace(/\?.*$/, '?[secret]'),
  }),
  timeLimit('PacRefresh', 'pacRefreshMs', 'off', 'after which a Pac from a URL is fetched again'),
  list('PacTrust', {
    grammar: 'pattern, pattern ...',
    doc: 'Proxies that Pac may name besides the Proxy lines and that get the logon of the account; patterns as in NoProxy',
    since: 'tsntlm',
    parse: parseNoProxy,
    add: (draft, patterns) => void (draft.pacTrust = [...draft.pacTrust, ...patterns]),
    show: ({ pacTrust }) =>
      pacTrust.length === 0 ? [] : [{ name: 'PacTrust', value: pacTrust.join(', ') }],
  }),
  list('Header', {
    grammar: 'Name: value',
    doc: 'Header field that replaces the one of the same name, or is added, on the way to an upstream proxy',
    parse: parseHeader,
    add: (draft, header) => {
      if (header === undefined) return undefined
      const name = header.name.toLowerCase()
      if (draft.headers.some(each => each.name.toLowerCase() === name)) {
        return { message: `${header.name} was set before, the first one counts` }
      }
      draft.headers.push(header)
      return undefined
    },
    show: config =>
      config.headers.map(({ name, value }) => ({
        name: 'Header',
        value: `${name}: ${SECRET_FIELDS.test(name) ? '[secret]' : value}`,
      })),
  }),
  single('StateDirectory', 'stateDirectory', {
    grammar: 'path',
    doc: 'Directory for what has to outlive a restart, such as the refusal of a password',
    since: 'tsntlm',
    parse: parseAbsolutePath,
    show: asWritten,
  }),
  timeLimit('ConnectTimeout', 'connectTimeoutMs', 'refused', 'to connect to an upstream proxy'),
  timeLimit(
    'HandshakeTimeout',
    'handshakeTimeoutMs',
    'refused',
    'for the logon to an upstream proxy',
  ),
  timeLimit('ResponseTimeout', 'responseTimeoutMs', 'refused', 'for the first byte of an answer'),
  timeLimit(
    'SessionIdleTimeout',
    'sessionIdleMs',
    'refused',
    'that an unused connection to an upstream proxy is kept',
  ),
  timeLimit(
    'TunnelIdleTimeout',
    'tunnelIdleMs',
    'off',
    'without traffic after which a tunnel is closed',
  ),
  timeLimit(
    'ShutdownGrace',
    'shutdownGraceMs',
    'at once',
    'that a stop leaves to requests and tunnels',
  ),
  timeLimit(
    'HeaderTimeout',
    'headerTimeoutMs',
    'refused',
    'for a client to send the header of its request, or its SOCKS5 handshake',
  ),
  single('RateLimitRetry', 'rateLimitRetry', {
    grammar: 'connect | all | off',
    doc: 'What waits and is sent again when an upstream proxy answers 429, or 503 with Retry-After: CONNECT, requests without a body too, or nothing',
    since: 'tsntlm',
    parse: oneOf('connect', 'all', 'off'),
    show: value => value,
  }),
  timeLimit(
    'RateLimitWait',
    'rateLimitWaitMs',
    'refused',
    'of the longest single wait for RateLimitRetry; who is told to wait longer gets the answer at once',
  ),
  timeLimit(
    'RateLimitTotal',
    'rateLimitTotalMs',
    'refused',
    'of all waits of a request for RateLimitRetry together',
  ),
  single('MaxHandshakes', 'maxHandshakes', {
    grammar: '1-1024',
    doc: 'Logons in flight at the same time',
    since: 'tsntlm',
    parse: count(1, 1024),
    show: String,
  }),
  single('MaxSessions', 'maxSessions', {
    grammar: '1-65535',
    doc: 'Connections to one upstream proxy at the same time, tunnels not counted',
    since: 'tsntlm',
    parse: count(1, 65535),
    show: String,
  }),
  single('LogLevel', 'logLevel', {
    grammar: 'fatal | error | warn | info | debug | trace',
    doc: 'Least severe level that is logged',
    since: 'tsntlm',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'),
    show: value => value,
  }),
  single('LogFormat', 'logFormat', {
    grammar: 'auto | json | text',
    doc: 'Form of the log lines; auto is text on a terminal and JSON elsewhere',
    since: 'tsntlm',
    parse: oneOf('auto', 'json', 'text'),
    show: value => value,
  }),
  inert('ISAScannerAgent', 'pattern', ISA_PAGES),
  inert('ISAScannerSize', 'KiB', ISA_PAGES),
  inert(
    'SSPI',
    'NTLM',
    'The account of the Windows logon cannot be used, Username and Password are',
  ),
]

const BY_NAME = new Map(
  DIRECTIVES.flatMap(spec => [spec.name, ...spec.aliases].map(name => [name.toLowerCase(), spec])),
)

/** The directive of a name or alias, in any case. */
export function findDirective(name: string): DirectiveSpec | undefined {
  return BY_NAME.get(name.toLowerCase())
}

function listenersOf(config: Config, kind: ListenAddress['serves']['kind']): string[] {
  return config.listeners
    .filter(({ serves }) => serves.kind === kind)
    .map(listener => {
      const { serves } = listener
      const address = formatHostPort(listener)
      return serves.kind === 'tunnel' ? `${address}:${formatHostPort(serves.target)}` : address
    })
}
