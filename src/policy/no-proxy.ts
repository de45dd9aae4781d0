import { isIP } from 'node:net'
import { type HostPort, matchWildcard, parseAddressRule, parsePort } from '../core/index.ts'

export interface NoProxyRule {
  /** The pattern as the configuration wrote it. */
  readonly text: string
  matches(target: HostPort): boolean
}

/**
 * One NoProxy pattern. cntlm's shell patterns (`10.*`, `*.corp`), and beyond cntlm: a domain suffix (`.corp`), a
 * network (`10.0.0.0/8`, `fd00::/8`), a range (`10.0.0.1-10.0.0.20`), one port only (`docker:2375`), `<local>` for names without a dot.
 */
export function compileNoProxy(text: string): NoProxyRule {
  const { host, port } = splitPort(text)
  const matchesHost = hostMatcher(host)
  return {
    text,
    matches: target => (port === undefined || port === target.port) && matchesHost(target.host),
  }
}

function splitPort(text: string): { host: string; port: number | undefined } {
  const match = /^(\[[^\]]+\]|[^:]+):([0-9]+)$/.exec(text)
  const port = match?.[2] === undefined ? undefined : parsePort(match[2])
  const host = match?.[1]
  return port === undefined || host === undefined ? { host: text, port: undefined } : { host, port }
}

function hostMatcher(pattern: string): (host: string) => boolean {
  if (pattern === '<local>') return host => isIP(host) === 0 && !host.includes('.')
  const bare = pattern.replace(/^\[([^\]]+)\]$/, '$1')
  const network = bare === '*' ? undefined : parseAddressRule(bare)
  if (network !== undefined) return host => isIP(host) !== 0 && network.matches(host)
  if (bare.startsWith('.')) return host => matchWildcard(`*${bare}`, host)
  return host => matchWildcard(bare, host)
}
