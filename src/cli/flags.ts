import { resolve } from 'node:path'
import type { OptionSpec } from './getopt.ts'

/** The name and the value of a directive. */
type Setting = readonly [name: string, value: string]

export interface Flag extends OptionSpec {
  readonly group: 'Account' | 'Upstream proxies' | 'Clients' | 'Process' | 'Log' | 'Without effect'
  readonly doc: string
  /** The directives that it stands for; none when the program itself obeys it. */
  readonly directives: (value: string) => readonly Setting[]
  /** The value as a process in another working directory needs it. */
  readonly absolute: (value: string) => string
}

type Row = Omit<Flag, 'letter' | 'long' | 'argument' | 'directives' | 'absolute'> &
  Partial<Pick<Flag, 'directives' | 'absolute'>>

function flag(names: string, argument: string | undefined, row: Row): Flag {
  const [long = '', letter] = names.split(' ').reverse()
  return { letter, long, argument, directives: () => [], absolute: value => value, ...row }
}

function as(name: string): Pick<Flag, 'directives'> {
  return { directives: value => [[name, value]] }
}

function always(name: string, value: string): Pick<Flag, 'directives'> {
  return { directives: () => [[name, value]] }
}

/** As cntlm splits it: at the first `@`, and only where there is one does it say anything about the domain. */
function accountSettings(value: string): Setting[] {
  const at = value.indexOf('@')
  if (at < 0) return [['Username', value]]
  return [
    ['Username', value.slice(0, at)],
    ['Domain', value.slice(at + 1)],
  ]
}

/** An address as it is, a file wherever the process will be. */
function absoluteScript(value: string): string {
  return /^[a-z]+:\/\//i.test(value) ? value : resolve(value)
}

const path = { absolute: (value: string): string => resolve(value) }

/**
 * THE table of what `tsntlm` takes without a command, cntlm's one-letter flags among them: the command line is parsed by it,
 * and the help and the tests of the documents follow it.
 */
export const FLAGS: readonly Flag[] = [
  flag('u user', 'USER[@DOMAIN]', {
    group: 'Account',
    doc: 'account that logs on to the upstream proxies',
    directives: accountSettings,
  }),
  flag('d domain', 'NAME', {
    group: 'Account',
    doc: 'Windows domain of the account',
    ...as('Domain'),
  }),
  flag('w workstation', 'NAME', {
    group: 'Account',
    doc: 'name given as the place of the logon',
    ...as('Workstation'),
  }),
  flag('p password', 'PASSWORD', {
    group: 'Account',
    doc: 'password; - reads it from standard input. Other users can read a command line',
  }),
  flag('I ask-password', undefined, {
    group: 'Account',
    doc: 'ask for the password at start; beats every other one',
  }),
  flag('a auth', 'DIALECT', {
    group: 'Account',
    doc: 'NTLMv2, NTLM2SR, NT, NTLM or LM',
    ...as('Auth'),
  }),
  flag('H print-hashes', undefined, {
    group: 'Account',
    doc: 'print PassLM, PassNT and PassNTLMv2 for a password that is asked for, and end',
  }),
  flag('c config', 'FILE', {
    group: 'Process',
    doc: 'default: /etc/tsntlm.conf, then /etc/cntlm.conf',
    ...path,
  }),
  flag('f foreground', undefined, {
    group: 'Process',
    doc: 'stay in the foreground; under the name cntlm it goes to the background otherwise',
  }),
  flag('P pid-file', 'FILE', {
    group: 'Process',
    doc: 'file for the process id, removed at the end',
    ...path,
  }),
  flag('U run-as', 'USER', {
    group: 'Process',
    doc: 'user name or number to become once the ports are bound; needs root',
  }),
  flag('v verbose', undefined, {
    group: 'Log',
    doc: 'log the steps of sessions too, stay in the foreground',
    ...always('LogLevel', 'debug'),
  }),
  flag('T log-file', 'FILE', {
    group: 'Log',
    doc: 'append the log to the file (made with mode 0640), as with -v',
    ...always('LogLevel', 'debug'),
    ...path,
  }),
  flag('log-level', 'LEVEL', { group: 'Log', doc: 'overrides LogLevel', ...as('LogLevel') }),
  flag('log-format', 'FORMAT', { group: 'Log', doc: 'overrides LogFormat', ...as('LogFormat') }),
  flag('l listen', '[ADDRESS:]PORT', {
    group: 'Clients',
    doc: 'where clients reach this proxy',
    ...as('Listen'),
  }),
  flag('g gateway', undefined, {
    group: 'Clients',
    doc: 'open ports without an address on every IPv4 interface',
    ...always('Gateway', 'yes'),
  }),
  flag('A allow', 'ADDRESS[/LENGTH]', {
    group: 'Clients',
    doc: 'clients that may use the proxy',
    ...as('Allow'),
  }),
  flag('D deny', 'ADDRESS[/LENGTH]', {
    group: 'Clients',
    doc: 'clients that may not',
    ...as('Deny'),
  }),
  flag('O socks5', '[ADDRESS:]PORT', {
    group: 'Clients',
    doc: 'where SOCKS5 clients reach this proxy',
    ...as('SOCKS5Proxy'),
  }),
  flag('R socks5-user', 'USER:PASSWORD', {
    group: 'Clients',
    doc: 'account of a SOCKS5 client',
    ...as('SOCKS5User'),
  }),
  flag('L tunnel', '[ADDRESS:]PORT:HOST:PORT', {
    group: 'Clients',
    doc: 'port that leads to one fixed target',
    ...as('Tunnel'),
  }),
  flag('B ntlm-to-basic', undefined, {
    group: 'Clients',
    doc: 'clients log on to the proxy with their own account',
    ...always('NTLMToBasic', 'yes'),
  }),
  flag('N no-proxy', 'PATTERNS', {
    group: 'Upstream proxies',
    doc: 'hosts that are reached directly',
    ...as('NoProxy'),
  }),
  flag('x pac', 'FILE', {
    group: 'Upstream proxies',
    doc: 'proxy auto-configuration file',
    directives: value => [['Pac', absoluteScript(value)]],
    absolute: absoluteScript,
  }),
  flag('r header', '"NAME: VALUE"', {
    group: 'Upstream proxies',
    doc: 'header field to set on the way to an upstream proxy',
    ...as('Header'),
  }),
  flag('F flags', 'NUMBER', {
    group: 'Upstream proxies',
    doc: 'NegotiateFlags of the first NTLM message, bytes in wire order',
    ...as('Flags'),
  }),
  flag('M detect', 'URL', {
    group: 'Upstream proxies',
    doc: 'find out what the proxy takes, with one logon at most, and end',
  }),
  flag('q log-requests', undefined, {
    group: 'Without effect',
    doc: 'requests are always logged',
  }),
  flag('s serial', undefined, { group: 'Without effect', doc: 'there are no threads' }),
  flag('G isa-agent', 'PATTERN', {
    group: 'Without effect',
    doc: 'pages of ISA scanners are handed on as they are',
    ...as('ISAScannerAgent'),
  }),
  flag('S isa-size', 'KIB', {
    group: 'Without effect',
    doc: 'pages of ISA scanners are handed on as they are',
    ...as('ISAScannerSize'),
  }),
  flag('X sspi', 'NTLM', {
    group: 'Without effect',
    doc: 'the account of the Windows logon cannot be used',
    ...as('SSPI'),
  }),
  flag('h help', undefined, { group: 'Process', doc: 'show this help' }),
  flag('version', undefined, { group: 'Process', doc: 'show the version' }),
]
