import {
  type AddressRule,
  DOCKER,
  formatHostPort,
  type HostPort,
  isVlanName,
  parseAddressRule,
  parseHost,
  parsePort,
} from '../core/index.ts'
import type { DockerRule, NameRule } from './config.ts'
import {
  accept,
  type Note,
  parseAbsolutePath,
  type Parsed,
  parseText,
  quote,
  refuse,
} from './values.ts'

/** RFC 1123 section 2.1 with `_`, which Windows names may have. A last label of digits alone is a mistyped address. */
const HOST_NAME =
  /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?![0-9]+\.?$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/

/** An upstream proxy: `host:port`; also `host port`, as cntlm 0.92 takes it, and `http://host:port`, which people write. */
export function parseUpstream(text: string): Parsed<HostPort> {
  if (text.includes('@')) {
    return refuse(
      'user information does not belong in the address',
      'the account goes in Username and Password',
    )
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)
  if (scheme !== null && scheme[1]?.toLowerCase() !== 'http') {
    return refuse(
      `${quote(scheme[0])} upstream proxies are not supported`,
      'write host:port of an HTTP proxy',
    )
  }
  const bare = scheme === null ? text : text.slice(scheme[0].length).replace(/\/$/, '')
  const spaced = /^(\S+?):?[ \t]+([0-9]+)$/.exec(bare)
  const isSpaced = spaced !== null && !/[^:]:[0-9]+$/.test(spaced[1] ?? '')
  const parsed = parseEndpoint(isSpaced ? `${spaced[1] ?? ''}:${spaced[2] ?? ''}` : bare, 8080)
  if (!parsed.ok || scheme === null) return parsed
  const hint = `write ${formatHostPort(parsed.value)}`
  const message = 'the http:// in front of the address was ignored'
  return accept(parsed.value, { message, hint }, ...parsed.warnings)
}

/** A port alone has no host: whether it is loopback or every interface depends on Gateway. */
export interface ListenSpec {
  readonly host: string | undefined
  readonly port: number
}

/** `port`, `address:port`, `interface:port`, `docker:port`, `name:port`, `[v6]:port` or `*:port`. */
export function parseListen(text: string): Parsed<ListenSpec> {
  if (/^[0-9]+$/.test(text)) {
    const port = parsePort(text)
    return port === undefined ? refuse(portError(text)) : accept({ host: undefined, port })
  }
  const everywhere = /^\*:(.*)$/.exec(text)
  const [, name = '', portText = ''] = /^([^:]*):([^:]*)$/.exec(text) ?? []
  const port = parsePort(portText)
  if (isVlanName(name.toLowerCase()) && port !== undefined) {
    return accept({ host: name.toLowerCase(), port })
  }
  return parseEndpoint(everywhere === null ? text : `0.0.0.0:${everywhere[1] ?? ''}`, 3128)
}

export interface TunnelSpec {
  readonly listen: ListenSpec
  readonly target: HostPort
}

const TUNNEL_FORM =
  'the form is port:host:port or address:port:host:port, with IPv6 addresses in brackets'

/** `port:host:port` or `address:port:host:port`: where to listen, and what it leads to. */
export function parseTunnel(text: string): Parsed<TunnelSpec> {
  const fields = text.match(/\[[^\]]*\]|[^:]+/g) ?? []
  const hasOwnAddress = fields.length === 4
  if (fields.join(':') !== text || (!hasOwnAddress && fields.length !== 3)) {
    return refuse('it does not name a port and a target', TUNNEL_FORM)
  }
  const split = hasOwnAddress ? 2 : 1
  const listen = parseListen(fields.slice(0, split).join(':'))
  if (!listen.ok) return listen
  const target = parseEndpoint(fields.slice(split).join(':'), 22)
  return target.ok ? accept({ listen: listen.value, target: target.value }) : target
}

/** `host:port` in the strict form. `examplePort` stands in the hint when there is none. */
function parseEndpoint(text: string, examplePort: number): Parsed<HostPort> {
  if (/\s/.test(text)) return refuse('there is text behind the address', 'a comment starts with #')
  const colon = text.endsWith(']') ? -1 : text.lastIndexOf(':')
  const hostText = colon < 0 ? text : text.slice(0, colon)
  const portText = colon < 0 ? undefined : text.slice(colon + 1)
  const host = parseHostStrictly(hostText)
  const port = parsePort(portText ?? '')
  const alone = parseHostStrictly(text)
  if (host !== undefined && port !== undefined) {
    return accept({ host, port }, ...(alone === undefined ? [] : [ambiguous({ host, port })]))
  }
  if (alone === undefined) return refuseEndpoint(hostText, portText)
  const example = formatHostPort({ host: alone, port: examplePort })
  return refuse('the port is missing', `for example ${example}`)
}

function refuseEndpoint(hostText: string, portText: string | undefined): Parsed<never> {
  const hint = 'the form is host:port, with an IPv6 address in brackets'
  if (hostText === '') return refuse('there is no address in front of the port', hint)
  if (parseHostStrictly(hostText) === undefined) {
    return refuse(`${quote(hostText)} is neither an address nor a host name`, hint)
  }
  return portText === undefined || portText === ''
    ? refuse('the port is missing', hint)
    : refuse(portError(portText))
}

/** `::1:3128` is an address by itself too; cntlm splits it at its last colon. */
function ambiguous(endpoint: HostPort): Note {
  return {
    message: 'the IPv6 address has no brackets, what is behind its last colon counts as the port',
    hint: `write ${formatHostPort(endpoint)}`,
  }
}

function parseHostStrictly(text: string): string | undefined {
  const host = parseHost(text)
  if (host === undefined || host.includes(':') || parseAddressRule(host) !== undefined) {
    return host === '*' ? undefined : host
  }
  return host.length <= 253 && HOST_NAME.test(host) ? host : undefined
}

function portError(text: string): string {
  return `port must be 1-65535, got ${quote(text)}`
}

/** What Allow and Deny take: an address or a host name, either with a prefix length, `docker`, or `*`. */
export function parseClientRule(
  text: string,
): Parsed<AddressRule | DockerRule | Omit<NameRule, 'origin'>> {
  if (text.toLowerCase() === DOCKER) return accept({ text: DOCKER, follows: DOCKER })
  const rule = parseAddressRule(text)
  if (rule !== undefined) {
    const message = 'the address has bits behind the length of its network, they were ignored'
    return hasHostBits(text) ? accept(rule, { message }) : accept(rule)
  }
  if (text === '0') return refuse('0 alone is no address', 'write * for every client')
  if (/\s/.test(text)) return refuse('there is text behind the address', 'one rule a line')
  const [address = '', ...lengths] = text.split('/')
  return parseAddressRule(address) === undefined
    ? parseNameRule(text, address, lengths)
    : refuseLength(address.includes(':') ? 128 : 32, lengths)
}

function parseNameRule(
  text: string,
  name: string,
  lengths: readonly string[],
): Parsed<Omit<NameRule, 'origin'>> {
  const host = parseHostStrictly(name)
  if (host === undefined || host.includes(':')) {
    const hint = host === undefined ? 'for example 172.17.0.0/16' : 'write it without brackets'
    return refuse(`${quote(text)} is no address`, hint)
  }
  const [lengthText] = lengths
  if (host === DOCKER) {
    return refuse('docker stands for networks that have their lengths', 'write docker alone')
  }
  if (lengthText === undefined) return accept({ text, host, length: undefined })
  const length = Number(lengthText)
  return lengths.length === 1 && /^[0-9]{1,3}$/.test(lengthText) && length <= 128
    ? accept({ text, host, length })
    : refuseLength(128, lengths)
}

function refuseLength(longest: number, lengths: readonly string[]): Parsed<never> {
  return refuse(
    `the length of a network is a number from 0 to ${longest}, got ${quote(lengths.join('/'))}`,
    'a netmask of 255.255.255.0 is written /24',
  )
}

function hasHostBits(text: string): boolean {
  const match = /^([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)\/([0-9]+)$/.exec(text)
  if (match === null) return false
  const [a = 0, b = 0, c = 0, d = 0, length = 32] = match.slice(1).map(Number)
  return (((a * 256 + b) * 256 + c) * 256 + d) % 2 ** (32 - length) !== 0
}

/**
 * Patterns between commas, white space or semicolons. What can never match is kept out with a warning; the policy room knows
 * what a pattern means.
 */
export function parseNoProxy(text: string): Parsed<readonly string[]> {
  const patterns = text.split(/[,;\s]+/).filter(pattern => pattern !== '')
  const isUsable = (pattern: string): boolean => noProxyFault(pattern) === undefined
  const warnings = patterns.flatMap(pattern => noProxyFault(pattern) ?? [])
  if (patterns.length === 0) warnings.push({ message: 'there is no pattern' })
  return { ok: true, value: patterns.filter(isUsable), warnings }
}

function noProxyFault(pattern: string): Note | undefined {
  if (pattern.includes('://')) {
    const message = `${quote(pattern)} was ignored, it is a URL`
    return { message, hint: 'patterns are compared with the host alone' }
  }
  if (pattern.includes('/') && parseAddressRule(pattern) === undefined) {
    const message = `${quote(pattern)} was ignored, it is no network`
    return { message, hint: 'for example 10.0.0.0/8' }
  }
  return undefined
}

/** An absolute path, because a service and a shell have different working directories; or a URL that is fetched without a logon. */
export function parsePac(text: string): Parsed<string> {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return parseAbsolutePath(text)
  if (scheme !== 'http' && scheme !== 'https') {
    const hint =
      scheme === 'file' ? 'write the path alone' : 'it can be a path, http:// or https://'
    return refuse(`${quote(`${scheme}:`)} URLs are not supported`, hint)
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !text.includes('://') || /\s/.test(text)) {
    return refuse('it is no URL', 'for example http://wpad.corp.example/proxy.pac')
  }
  return url.username === '' && url.password === ''
    ? parseText(text)
    : refuse('user information does not belong in the URL', 'the script is fetched without a logon')
}
