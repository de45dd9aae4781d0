import { formatHostPort } from '../../core/index.ts'
import { parseNoProxy, parsePac, parseUpstream } from '../address-values.ts'
import { type DirectiveSpec, list, single, timeLimit, asYesNo } from '../directive-rows.ts'
import { oneOf, parseHeader, parseYesNo } from '../values.ts'

/**
 * Fields whose values are known not to be credentials. Any other field may hold one, whatever its name: companies invent their own names
 * for the keys of their gateways.
 */
const HARMLESS_FIELDS: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-language',
  'content-type',
  'dnt',
  'from',
  'origin',
  'pragma',
  'upgrade-insecure-requests',
  'user-agent',
])

/** The routes of requests, and how requests are changed on them. */
export const WAYS: readonly DirectiveSpec[] = [
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
        value: `${name}: ${HARMLESS_FIELDS.has(name.toLowerCase()) ? value : '[secret]'}`,
      })),
  }),
]
