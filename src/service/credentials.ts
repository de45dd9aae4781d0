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
  /** For a person to look at; the credentials are usable all the same. */
  readonly warnings: readonly string[]
}

/** NetBIOS names have at most 15 characters. */
const WORKSTATION_LENGTH = 15

/**
 * The account that the configuration means, hashed for its dialect.
 * @param hostName this machine's name, which upstreams are told as the workstation unless Workstation says another.
 * @throws ProxyError CONFIG.
 */
export function buildCredentials(config: Config, hostName: string): BuiltCredentials {
  if (config.negotiateFlags !== undefined) assertUsableOffer(config.negotiateFlags)
  const { user, domain, warning } = parseAccount(config)
  const workstation = config.workstation ?? workstationFrom(hostName)
  const names = { user, domain, workstation, dialect: config.dialect }
  const warnings = warning === undefined ? [] : [warning]
  if (isCaseAmbiguous(user)) {
    warnings.push(
      `Username ${user}: Windows and Samba write a letter of it differently in upper case; a rejection may be due to that`,
    )
  }
  if (config.password !== undefined) {
    return {
      credentials: credentialsFromPassword({ ...names, password: config.password }),
      warnings,
    }
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
  if (!built.encodingCertain) {
    warnings.push(
      `the hashes are read as ${built.encodingUsed}, as cntlm 0.92 wrote them; if the logon is rejected, they may be ` +
        'from cntlm 0.94 or another program: set PassEncoding plain',
    )
  }
  return { credentials: built.credentials, warnings }
}

function workstationFrom(hostName: string): string {
  const label = hostName.split('.')[0] ?? ''
  return label.toUpperCase().slice(0, WORKSTATION_LENGTH)
}
