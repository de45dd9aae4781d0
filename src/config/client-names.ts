import { type AddressRule, isProxyError, parseAddressRule, ProxyError } from '../core/index.ts'
import type { AccessRule, Config, NameRule } from './config.ts'
import { type ConfigIssue, sortIssues } from './issues.ts'

/** All addresses of a host, IPv4 and IPv6. Rejects, or returns none, when the host does not exist or no name server answers. */
export type LookUp = (host: string) => Promise<readonly string[]>

/** An access rule as connections are judged by it. */
export interface AddressAccessRule {
  readonly action: AccessRule['action']
  readonly rule: AddressRule
}

export interface ResolvedNames {
  /** The same with addresses for names; undefined when a name has none. */
  readonly config: Config | undefined
  readonly issues: readonly ConfigIssue[]
}

/**
 * Looks up the host names of Allow and Deny, all in parallel and each once; they keep these addresses until the configuration is
 * read again. A name without an address is an error, as with cntlm: a rule that matches no client would admit or reject the
 * wrong ones.
 */
export async function resolveClientNames(config: Config, lookUp: LookUp): Promise<ResolvedNames> {
  const found = new Map<string, Promise<readonly string[]>>()
  const ask = async (host: string): Promise<readonly string[]> => {
    const answer = found.get(host) ?? (isLocalhost(host) ? LOOPBACK : lookUp(host))
    found.set(host, answer)
    return answer
  }
  const issues: ConfigIssue[] = []
  const acl = await Promise.all(
    config.acl.map(async ({ action, rule }) => {
      if (!isName(rule)) return { action, rule }
      const unknown = `${rule.host} has no address that this host can find`
      try {
        const addresses = await ask(rule.host)
        if (addresses.length === 0) issues.push(noAddress(action, rule, unknown))
        return { action, rule: rulesAround(rule, addresses) }
      } catch (error) {
        const reason = isProxyError(error) ? error.detail : undefined
        issues.push(noAddress(action, rule, reason ?? unknown))
        return { action, rule: rulesAround(rule, []) }
      }
    }),
  )
  const resolved = issues.length > 0 ? undefined : Object.freeze({ ...config, acl })
  return { config: resolved, issues: sortIssues(issues) }
}

/**
 * @param isDockerClient whether an address currently is in one of Docker's networks.
 * @throws ProxyError BUG for names that were never looked up: they must not count as rules that match no client.
 */
export function addressRules(
  { acl }: Config,
  isDockerClient: (address: string) => boolean,
): AddressAccessRule[] {
  return acl.map(({ action, rule }) => {
    if ('follows' in rule) return { action, rule: { text: rule.text, matches: isDockerClient } }
    if (!isName(rule)) return { action, rule }
    throw new ProxyError('BUG', { detail: `the client ${rule.text} was not looked up` })
  })
}

/** RFC 6761 section 6.3: loopback, and no question for DNS. */
const LOOPBACK = Promise.resolve(['127.0.0.1', '::1'])

function isLocalhost(host: string): boolean {
  return /^(?:.+\.)?localhost\.?$/.test(host)
}

function isName(rule: AccessRule['rule']): rule is NameRule {
  return 'host' in rule
}

/**
 * The length is that of an IPv4 network, as with cntlm, or if it is too long for one, that of an IPv6 network; an address of
 * the other family matches only itself.
 */
function rulesAround({ text, length }: NameRule, addresses: readonly string[]): AddressRule {
  const family = length === undefined ? undefined : length <= 32 ? 'IPv4' : 'IPv6'
  const rules = addresses.flatMap(scoped => {
    // fe80::1%eth0 (RFC 4007 section 11): the zone is local to this host.
    const address = scoped.replace(/%.*$/, '')
    const isFitting = family === (address.includes(':') ? 'IPv6' : 'IPv4')
    return parseAddressRule(isFitting ? `${address}/${length ?? ''}` : address) ?? []
  })
  return { text, matches: candidate => rules.some(rule => rule.matches(candidate)) }
}

function noAddress(
  action: AccessRule['action'],
  { origin }: NameRule,
  message: string,
): ConfigIssue {
  return {
    level: 'error',
    origin,
    directive: action === 'allow' ? 'Allow' : 'Deny',
    message,
    hint: 'it was looked up in DNS and the hosts file; write the address or network of the client instead',
  }
}
