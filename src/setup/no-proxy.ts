import { isIPv4, isIPv6 } from 'node:net'
import { parseAddressRule, parsePort } from '../core/index.ts'

/** A NoProxy pattern, taken apart as far as other programs have words for it. */
interface Pattern {
  readonly kind: 'name' | 'suffix' | 'address' | 'network' | 'other'
  /** Name, domain without its leading dot, address without brackets, or `address/length`. */
  readonly value: string
  readonly port: string | undefined
}

/** How a reader writes each kind; undefined where it has no word for it. Names and addresses are understood by all. */
export interface NoProxyDialect {
  suffix(domain: string): string | undefined
  network(cidr: string): string | undefined
  readonly takesPorts: boolean
  readonly bracketsIPv6: boolean
}

/**
 * What curl, wget, Python, npm and Go have in common: there is no standard. curl before 7.86 and wget have no networks, and none but Go has ports.
 */
export const PORTABLE: NoProxyDialect = {
  suffix: domain => `.${domain}`,
  network: () => undefined,
  takesPorts: false,
  bracketsIPv6: false,
}

/** golang.org/x/net/http/httpproxy: dockerd, buildkitd, gitlab-runner. */
export const GO: NoProxyDialect = { ...PORTABLE, network: cidr => cidr, takesPorts: true }

/** http.nonProxyHosts of the JDK: a star at either end, so IPv4 networks that end with an octet can be said. */
export const JAVA: NoProxyDialect = {
  suffix: domain => `*.${domain}`,
  network: octetGlob,
  takesPorts: false,
  bracketsIPv6: true,
}

/** apt.conf(5): one host a line. */
export const HOSTS_ONLY: NoProxyDialect = { ...PORTABLE, suffix: () => undefined }

export interface RenderedNoProxy {
  readonly entries: readonly string[]
  /** The patterns that the reader cannot be told. */
  readonly dropped: readonly string[]
}

const ALWAYS = ['localhost', '127.0.0.1', '::1']

/** The list for a reader: the host itself, the patterns of the configuration that it understands, and `extra` as it is. */
export function renderNoProxy(
  patterns: readonly string[],
  dialect: NoProxyDialect,
  extra: readonly string[] = [],
): RenderedNoProxy {
  const entries = new Set<string>()
  const dropped: string[] = []
  for (const text of [...ALWAYS, ...patterns]) {
    const entry = render(parsePattern(text), dialect)
    if (entry !== undefined) entries.add(entry)
    else if (!extra.includes(text)) dropped.push(text)
  }
  return { entries: [...new Set([...entries, ...extra])], dropped }
}

function render({ kind, value, port }: Pattern, dialect: NoProxyDialect): string | undefined {
  if (port !== undefined && !dialect.takesPorts) return undefined
  const host = renderHost(kind, value, dialect)
  if (host === undefined || port === undefined) return host
  return kind === 'network' ? undefined : `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function renderHost(
  kind: Pattern['kind'],
  value: string,
  dialect: NoProxyDialect,
): string | undefined {
  switch (kind) {
    case 'name':
      return value
    case 'address':
      return dialect.bracketsIPv6 && isIPv6(value) ? `[${value}]` : value
    case 'suffix':
      return dialect.suffix(value)
    case 'network':
      return dialect.network(value)
    case 'other':
      return undefined
  }
}

const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

function parsePattern(text: string): Pattern {
  const [, host = text, port] = /^(\[[^\]]+\]|[^:]+):([0-9]+)$/.exec(text) ?? []
  const value = host.toLowerCase().replace(/^\[([^\]]+)\]$/, '$1')
  if (port !== undefined && parsePort(port) === undefined)
    return { kind: 'other', value, port: undefined }
  const network = networkOf(value)
  if (network !== undefined) return { kind: 'network', value: network, port }
  if (isIPv4(value) || isIPv6(value)) return { kind: 'address', value, port }
  const domain = value.replace(/^\*?\./, '')
  const isRange = parseAddressRule(value) !== undefined
  if (isRange || !NAME.test(domain)) return { kind: 'other', value, port }
  return { kind: domain === value ? 'name' : 'suffix', value: domain, port }
}

/** `10.0.0.0/8`, also where cntlm's patterns say it with a star: `10.*`. */
function networkOf(value: string): string | undefined {
  if (value.includes('/'))
    return value !== '0/0' && parseAddressRule(value) !== undefined ? value : undefined
  const match = /^([0-9]{1,3}(?:\.[0-9]{1,3}){0,2})(?:\.\*)+$/.exec(value)
  if (match?.[1] === undefined) return undefined
  const octets = match[1].split('.')
  if (octets.length + value.split('*').length - 1 > 4) return undefined
  const cidr = `${[...octets, '0', '0', '0'].slice(0, 4).join('.')}/${8 * octets.length}`
  return parseAddressRule(cidr) === undefined ? undefined : cidr
}

function octetGlob(cidr: string): string | undefined {
  const [address = '', length] = cidr.split('/')
  const octets = Number(length) / 8
  return isIPv4(address) && [1, 2, 3].includes(octets)
    ? `${address.split('.').slice(0, octets).join('.')}.*`
    : undefined
}
