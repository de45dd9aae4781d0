import { formatHostPort } from '../../core/index.ts'
import { parseClientRule, parseListen, parseTunnel } from '../address-values.ts'
import type { Config, ListenAddress } from '../config.ts'
import { type DirectiveSpec, type Setting, list, single, asYesNo } from '../directive-rows.ts'
import { parseLenientYesNo, parseSocksUser } from '../values.ts'

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

/** Where clients reach this proxy, and which of them may. */
export const CLIENTS: readonly DirectiveSpec[] = [
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
  single('NTLMToBasic', 'ntlmToBasic', {
    grammar: 'yes | no',
    doc: 'Whether clients have to log on to this proxy with Basic; it logs on to the upstream proxies with their accounts',
    parse: parseLenientYesNo,
    show: asYesNo,
  }),
]

function listenersOf(config: Config, kind: ListenAddress['serves']['kind']): string[] {
  return config.listeners
    .filter(({ serves }) => serves.kind === kind)
    .map(listener => {
      const { serves } = listener
      const address = formatHostPort(listener)
      return serves.kind === 'tunnel' ? `${address}:${formatHostPort(serves.target)}` : address
    })
}
