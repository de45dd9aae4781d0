import { ProxyError } from '../core/index.ts'

export interface Account {
  readonly user: string
  readonly domain: string
  /** A message for the administrator; the account is usable all the same. */
  readonly warning?: string
}

/**
 * The account given by the directives Username and Domain: `DOMAIN\user` is split at its first backslash, a user
 * principal name is sent whole with an empty domain, and nothing is trimmed.
 *
 * @throws ProxyError CONFIG without a user
 */
export function parseAccount(configured: { username: string; domain: string }): Account {
  const { username, domain } = configured
  const backslash = username.indexOf('\\')
  const user = username.slice(backslash + 1)
  if (user.trim() === '') {
    const detail = `Username "${username}" names no user: write Username alice, or Username CORP\\alice`
    throw new ProxyError('CONFIG', { detail })
  }
  return backslash < 0
    ? withUpnWarning({ user, domain })
    : withDomainWarning({ user, domain: username.slice(0, backslash) }, domain)
}

function withUpnWarning(account: Account): Account {
  if (!account.user.includes('@') || account.domain === '') return account
  const warning = `Username is a user principal name and Domain is "${account.domain}": both are sent as they are, most servers want one of them only`
  return { ...account, warning }
}

function withDomainWarning(account: Account, configured: string): Account {
  const { domain } = account
  if (domain === '.') {
    const warning =
      'Username begins with ".\\", which a server does not resolve: name the computer instead of the dot'
    return { ...account, warning }
  }
  if (configured === '' || configured === domain) return account
  const warning = `Username names the domain "${domain}", so Domain "${configured}" is not used`
  return { ...account, warning }
}
