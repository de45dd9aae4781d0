import type { Config } from '../config/index.ts'
import { isProxyError, ProxyError } from '../core/index.ts'
import type { BasicCredentials } from '../http1/index.ts'
import { credentialsFromPassword, type NtlmCredentials, parseAccount } from '../ntlm/index.ts'
import { accountOf, type Identity } from '../upstream/index.ts'
import { type AccountLedgers, nameOf } from './account-ledgers.ts'
import { clientLogon, type LogonPorts, type OwnLogon } from './logons.ts'

/** Clients may cause one of the rejections in the configured account's budget, so that they cannot use it up. */
const BUDGET_AT_OWN_ACCOUNT = 1

export interface OwnAccount extends OwnLogon {
  readonly credentials: NtlmCredentials
}

export interface ClientLogonsOptions extends LogonPorts {
  readonly config: Config
  readonly workstation: string
  readonly own: OwnAccount | undefined
  readonly ledgers: AccountLedgers
}

/** Makes the identity of an account named by a client. @throws ProxyError CLIENT_AUTH_REJECTED when it cannot be used. */
export function identifyClient(basic: BasicCredentials, options: ClientLogonsOptions): Identity {
  const { config, workstation, own, ledgers, clock, emit, entropy } = options
  const credentials = credentialsOf(basic, config, workstation)
  const account = accountOf(credentials)
  if (own?.credentials.fingerprint === credentials.fingerprint) return own.identity
  const { negotiateFlags } = config
  const common = { credentials, negotiateFlags, clock, emit, entropy }
  if (own !== undefined && nameOf(own.credentials.user) === nameOf(credentials.user)) {
    const isSame = accountOf(own.credentials).toUpperCase() === account.toUpperCase()
    if (isSame && own.guard.isProven) {
      // The password is known to be wrong. Trying it would only count against the account that all clients share.
      const detail = `${account} is the account of this proxy itself, and the password is not the one it has`
      throw new ProxyError('CLIENT_AUTH_REJECTED', { detail })
    }
    return clientLogon({ ...common, ledger: own.ledger, budget: BUDGET_AT_OWN_ACCOUNT })
  }
  return clientLogon({ ...common, ledger: ledgers.of(credentials.user, config.logonBudget) })
}

/** @throws ProxyError CLIENT_AUTH_REJECTED. */
export function credentialsOf(
  { user: username, password }: BasicCredentials,
  { dialect, domain }: Config,
  workstation: string,
): NtlmCredentials {
  try {
    const account = parseAccount({ username, domain })
    return credentialsFromPassword({ ...account, workstation, dialect, password })
  } catch (error) {
    if (!isProxyError(error)) throw error
    throw new ProxyError('CLIENT_AUTH_REJECTED', {
      detail: 'the user name or the password cannot be used with NTLM',
      cause: error,
    })
  }
}
