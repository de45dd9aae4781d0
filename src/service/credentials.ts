import type { Config } from '../config/index.ts'
import { ProxyError } from '../core/index.ts'
import {
  assertUsableOffer,
  credentialsFromHashes,
  credentialsFromPassword,
  isCaseAmbiguous,
  type NtlmCredentials,
  parseAccount,
} from '../ntlm/index.ts'

export interface BuiltCredentials {
  readonly credentials: NtlmCredentials
  /** The same account with its hashes read as plain. Set when it is uncertain whether `credentials` reads them correctly. */
  readonly alternative?: NtlmCredentials
  /** Messages for the administrator; the credentials are usable all the same. */
  readonly warnings: readonly string[]
}

/** NetBIOS names have at most 15 characters. */
const WORKSTATION_LENGTH = 15

/**
 * The configured account, hashed for its dialect.
 * @param hostName this machine's name, sent to upstreams as the workstation unless Workstation is set.
 * @throws ProxyError CONFIG.
 */
export function buildCredentials(config: Config, hostName: string): BuiltCredentials {
  if (config.negotiateFlags !== undefined) assertUsableOffer(config.negotiateFlags)
  const { user, domain, warning } = parseAccount(config)
  const workstation = workstationOf(config, hostName)
  const names = { user, domain, workstation, dialect: config.dialect }
  const warnings = warning === undefined ? [] : [warning]
  if (isCaseAmbiguous(user)) {
    warnings.push(
      `Username ${user}: Windows and Samba write a letter of it differently in upper case; a rejection may be due to that`,
    )
  }
  if (config.password !== undefined) {
    const credentials = credentialsFromPassword({ ...names, password: config.password })
    if (config.dialect === 'NTLM' && credentials.lmHash === undefined) {
      warnings.push(
        'Auth NTLM: Password has no LM hash, being longer than 14 characters or not ASCII; the NT response is sent in its place, as with Auth NT',
      )
    }
    return { credentials, warnings }
  }
  const { passNt, passLm, passNtlmV2, passEncoding } = config
  if (passNt === undefined && passLm === undefined && passNtlmV2 === undefined) {
    throw new ProxyError('CONFIG', { detail: 'there is no password and no hash of one' })
  }
  const built = credentialsFromHashes({
    ...names,
    ...(passNt === undefined ? {} : { passNt }),
    ...(passLm === undefined ? {} : { passLm }),
    ...(passNtlmV2 === undefined ? {} : { passNtlmV2 }),
    encoding: passEncoding,
  })
  const { credentials, alternative } = built
  if (alternative === undefined) return { credentials, warnings }
  warnings.push(
    `the hashes do not tell which cntlm wrote them: they are read as ${built.encodingUsed}, as cntlm 0.92 wrote them, ` +
      'and if a proxy rejects that, once as plain, as cntlm 0.94 does; to spare the account that, set PassEncoding ' +
      'inverted or PassEncoding plain',
  )
  return { credentials, alternative, warnings }
}

/** The workstation name that upstreams are sent in a logon. */
export function workstationOf({ workstation }: Config, hostName: string): string {
  if (workstation !== undefined) return workstation
  const label = hostName.split('.')[0] ?? ''
  return label.toUpperCase().slice(0, WORKSTATION_LENGTH)
}
