import { formatHostPort } from '../core/index.ts'
import { isPrivate, showAdmin } from './admin-address.ts'
import type { Dialect, Draft, ListenAddress, Served } from './config.ts'
import { type ConfigIssue, ENVIRONMENT, type Origin } from './issues.ts'

/** What the configuration is for: `logon` needs upstreams and an account with any secret, and no place to listen. */
export type Purpose = 'serve' | 'logon'

/** What was read: the laws report nothing as missing that was there and `failed` to parse. */
export interface Reading {
  readonly draft: Draft
  /** Where each directive stood first, by its name in the table. */
  readonly given: Map<string, Origin>
  readonly failed: Set<string>
  readonly purpose: Purpose
}

interface SettledListeners {
  readonly listeners: readonly ListenAddress[]
  readonly issues: readonly ConfigIssue[]
}

/** Gives bare ports their address, and keeps one of several listeners on the same address. */
export function settleListeners(draft: Draft): SettledListeners {
  const listeners: ListenAddress[] = []
  const issues: ConfigIssue[] = []
  // Not `::`: it would let in IPv6 clients, whom no Allow or Deny of a cntlm.conf knows.
  const bareHost = draft.gateway ? '0.0.0.0' : '127.0.0.1'
  for (const { host = bareHost, port, serves, origin } of draft.listeners) {
    const address = formatHostPort({ host, port })
    if (listeners.some(other => formatHostPort(other) === address)) {
      issues.push(warn(directiveOf(serves), origin, `${address} is there twice`))
    } else {
      listeners.push({ host, port, serves, origin })
    }
  }
  return { listeners, issues }
}

/** What directives must be or say together. */
export function checkLaws(
  reading: Reading,
  listeners: readonly ListenAddress[],
  hasListener: boolean,
): readonly ConfigIssue[] {
  return [
    ...(hasListener || reading.purpose === 'logon' ? [] : checkListening(reading)),
    ...checkPresence(reading),
    ...checkSecrets(reading),
    ...checkEncoding(reading),
    ...checkPac(reading),
    ...checkSocksUsers(reading),
    ...checkClients(reading, listeners),
    ...checkWorkers(reading),
    ...checkLoop(reading, listeners),
    ...checkAdmin(reading, listeners),
  ]
}

function fail(
  directive: string,
  origin: Origin | undefined,
  message: string,
  hint: string,
): ConfigIssue {
  return { level: 'error', origin, directive, message, hint }
}

function warn(
  directive: string,
  origin: Origin | undefined,
  message: string,
  hint?: string,
): ConfigIssue {
  return { level: 'warning', origin, directive, message, hint }
}

/** With `NoProxy *` every request goes directly: cntlm wants a Proxy line even then, and never uses it. */
function isAllDirect({ draft }: Reading): boolean {
  return draft.noProxy.includes('*')
}

/** A Pac script can name proxies by itself, but only those of Proxy and PacTrust get a logon. */
export function needsLogon(reading: Reading): boolean {
  const { given, purpose } = reading
  if (purpose === 'logon') return true
  return !isAllDirect(reading) && (given.has('Proxy') || given.has('PacTrust') || !given.has('Pac'))
}

/** What puts a listener of each kind into the configuration. */
const LISTENING = { http: 'Listen', socks5: 'SOCKS5Proxy', tunnel: 'Tunnel' } as const

function directiveOf({ kind }: Served): string {
  return LISTENING[kind]
}

function checkListening({ given }: Reading): ConfigIssue[] {
  if (Object.values(LISTENING).some(name => given.has(name))) return []
  return [fail('Listen', undefined, 'there is no address to listen on', 'for example Listen 3128')]
}

function checkPresence(reading: Reading): ConfigIssue[] {
  const { draft, given, failed } = reading
  const issues: ConfigIssue[] = []
  const isServing = reading.purpose === 'serve'
  if (!needsLogon(reading)) return issues
  if (!given.has('Proxy') && !(isServing && given.has('Pac'))) {
    const without = isServing ? ', or NoProxy * to do without' : ''
    const hint = `for example Proxy 10.0.0.41:8080${without}`
    issues.push(fail('Proxy', undefined, 'there is no upstream proxy', hint))
  }
  if (draft.username === '' && !failed.has('Username') && !draft.ntlmToBasic) {
    const hint = 'it names the account that logs on to the upstream proxy'
    issues.push(fail('Username', given.get('Username'), 'there is no user name', hint))
  }
  return issues
}

export const HASHES = ['PassNTLMv2', 'PassNT', 'PassLM'] as const
type HashName = (typeof HASHES)[number]

/** Sets of hashes that suffice for a dialect: the NTLMv2 hash can be made from the NT hash (MS-NLMP section 3.3.2). */
const SUFFICIENT: Readonly<Record<Dialect, readonly (readonly HashName[])[]>> = {
  NTLMv2: [['PassNTLMv2'], ['PassNT']],
  NTLM2SR: [['PassNT']],
  NT: [['PassNT']],
  NTLM: [['PassNT', 'PassLM']],
  LM: [['PassLM']],
}

/** What says the secret of the account. */
export const ACCOUNT_SECRETS: readonly string[] = ['Password', 'PasswordFile', ...HASHES]

/** Whether one is there, or should have been. */
export function namesSecret({ draft, failed }: Reading): boolean {
  if (ACCOUNT_SECRETS.some(name => failed.has(name))) return true
  return hasPassword(draft) || hashesOf(draft).length > 0
}

export function hasPassword({ password, passwordFile }: Draft): boolean {
  return password !== undefined || passwordFile !== undefined
}

function hashesOf(draft: Draft): HashName[] {
  const values = { PassNTLMv2: draft.passNtlmV2, PassNT: draft.passNt, PassLM: draft.passLm }
  return HASHES.filter(name => values[name] !== undefined)
}

function checkSecrets(reading: Reading): ConfigIssue[] {
  const { draft, given, failed } = reading
  if (!needsLogon(reading) || hasPassword(draft)) return []
  if (['Auth', ...ACCOUNT_SECRETS].some(name => failed.has(name))) return []
  const present = hashesOf(draft)
  // Clients bring their own; with a user name alone the ports that ask for no account have none.
  if (draft.ntlmToBasic && present.length === 0) return []
  const isServing = reading.purpose === 'serve'
  const [first] = present
  if (first === undefined) {
    const message = 'there is no password and no hash of one'
    const ways = 'Password or PasswordFile has it, or tsntlm hash prints the lines for hashes'
    const hint = isServing ? ways : '-I asks for it'
    return [fail('Password', given.get('Password'), message, hint)]
  }
  if (!isServing) return []
  const sets = SUFFICIENT[draft.dialect]
  if (sets.some(set => set.every(name => present.includes(name)))) return []
  const wanted = sets.map(set => set.join(' and ')).join(' or ')
  const hint = 'tsntlm hash prints the lines for the configuration'
  const message = `Auth ${draft.dialect} needs ${wanted}, there is only ${present.join(' and ')}`
  return [fail(first, given.get(first), message, hint)]
}

/**
 * Which reading of a hash was tried is remembered until the file that has the hash is changed. Nothing tells such a change of
 * the environment: both readings of a wrong hash would be held against every later one.
 */
function checkEncoding(reading: Reading): ConfigIssue[] {
  const { draft, given, failed } = reading
  if (!needsLogon(reading) || hasPassword(draft) || failed.has('PassEncoding')) return []
  if (draft.passEncoding !== 'auto') return []
  const name = hashesOf(draft).find(each => given.get(each)?.source.startsWith(ENVIRONMENT))
  if (name === undefined) return []
  const message = 'how a hash in the environment is written must be said'
  const hint =
    'TSNTLM_PASSENCODING is plain for hashes of tsntlm hash and cntlm 0.94, inverted for those of cntlm 0.92'
  return [fail('PassEncoding', given.get(name), message, hint)]
}

function checkPac(reading: Reading): ConfigIssue[] {
  const { given, failed } = reading
  const pac = given.get('Pac')
  if (pac === undefined) {
    return ['PacRefresh', 'PacTrust'].flatMap(name => {
      const origin = given.get(name)
      return origin === undefined ? [] : [warn(name, origin, 'has no effect without Pac')]
    })
  }
  if (isAllDirect(reading)) {
    return [warn('Pac', pac, 'has no effect, as NoProxy * covers every target before it')]
  }
  if (['Proxy', 'PacTrust'].some(name => given.has(name)) || failed.has('Pac')) return []
  const message =
    'the proxies that the script names get no logon, as there is neither Proxy nor PacTrust'
  return [warn('Pac', pac, message, 'for example PacTrust *.corp.example:8080')]
}

function checkSocksUsers({ draft, given }: Reading): ConfigIssue[] {
  if (draft.socksUsers.length === 0 || given.has('SOCKS5Proxy')) return []
  const hint = 'other ports ask for no account, Allow and Deny keep clients from them'
  return [warn('SOCKS5User', given.get('SOCKS5User'), 'has no effect without SOCKS5Proxy', hint)]
}

/**
 * Who can use the listeners, and with them the account. Where no rule matches, access is allowed, as with cntlm; so a port on all
 * interfaces that no Allow limits must be meant.
 */
function checkClients(reading: Reading, listeners: readonly ListenAddress[]): ConfigIssue[] {
  const { draft, given } = reading
  const asksForAccount = ({ serves }: ListenAddress): boolean =>
    serves.kind === 'socks5' && draft.socksUsers.length > 0
  const open = listeners.find(each => isWildcard(each.host) && !asksForAccount(each))
  const hasAllow = draft.acl.some(({ action }) => action === 'allow')
  const hint =
    'add Allow lines for the clients (Allow docker for containers) and Deny * behind them'
  if (open !== undefined && !hasAllow) {
    const message = `${formatHostPort(open)} is open to every host that can reach this one, with your account, as no Allow says for whom it is`
    if (draft.gateway)
      return [warn('Gateway', given.get('Gateway'), `OPEN PROXY: ${message}`, hint)]
    const meant = `${hint}; if it is meant for everybody, say so with Gateway yes`
    return [fail(directiveOf(open.serves), open.origin, message, meant)]
  }
  if (hasAllow && draft.acl.every(({ action }) => action === 'allow')) {
    const message = 'keeps nobody out, as clients that no rule names are allowed'
    return [warn('Allow', given.get('Allow'), message, 'add Deny * behind the last Allow')]
  }
  return []
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

/** Each worker has its part of what is allowed at an upstream, and none can do with nothing. */
function checkWorkers({ draft, given }: Reading): ConfigIssue[] {
  const { maxHandshakes, maxSessions, workers } = draft
  if (workers === 'auto') return []
  const limits = [
    ['MaxHandshakes', maxHandshakes],
    ['MaxSessions', maxSessions],
  ] as const
  return limits
    .filter(([, limit]) => limit < workers)
    .map(([name, limit]) =>
      fail(
        'Workers',
        given.get('Workers'),
        `${workers} workers cannot share ${name} ${limit}`,
        `set Workers to ${limit} at most, or raise ${name}`,
      ),
    )
}

function checkLoop({ draft }: Reading, listeners: readonly ListenAddress[]): ConfigIssue[] {
  const upstreams = new Set(draft.upstreams.map(formatHostPort))
  return listeners
    .filter(listener => upstreams.has(formatHostPort(listener)))
    .map(listener => {
      const message = `${formatHostPort(listener)} is a Proxy too, requests would go round in circles`
      return warn(directiveOf(listener.serves), listener.origin, message)
    })
}

/** Allow and Deny say nothing about this address: it shows who uses the proxy for what. */
function checkAdmin(
  { draft: { admin, adminExposed }, given }: Reading,
  listeners: readonly ListenAddress[],
): ConfigIssue[] {
  const origin = given.get('Admin')
  if (admin !== undefined && listeners.some(each => formatHostPort(each) === showAdmin(admin)))
    return [fail('Admin', origin, `${showAdmin(admin)} is a port of the proxy`, 'give it its own')]
  if (admin === undefined || isPrivate(admin)) {
    const message = 'has no effect, as Admin is not on an address that others reach'
    return adminExposed ? [warn('AdminExposed', given.get('AdminExposed'), message)] : []
  }
  const address = showAdmin(admin)
  if (!adminExposed) {
    const message = `${address} is reached by other hosts or containers, and everybody may read there who uses the proxy for what`
    const hint = 'write the port alone; if it is meant for them, say so with AdminExposed yes'
    return [fail('Admin', origin, message, hint)]
  }
  return []
}
