import type { Config } from '../config/index.ts'
import { Secret } from '../core/index.ts'
import { packCredentials, type PackedCredentials, unpackCredentials } from '../ntlm/index.ts'
import type { BuildInput } from '../service/index.ts'

/** The password of Username is not needed next to its hashes, and Allow and Deny have already been applied. */
type PlainConfig = Omit<
  Config,
  'password' | 'passNt' | 'passLm' | 'passNtlmV2' | 'acl' | 'socksUsers'
> & { readonly socksUsers: readonly { readonly user: string; readonly password: string }[] }

/** A configuration as plain data. It holds secrets, so it is only for other processes of this program. */
export interface PackedInput {
  readonly config: PlainConfig
  readonly credentials: PackedCredentials | undefined
  readonly alternative: PackedCredentials | undefined
  readonly workstation: string | undefined
  readonly configChangedAtMs: number
}

export function packInput(input: BuildInput): PackedInput {
  const { alternative, configChangedAtMs, credentials, workstation } = input
  const { acl, passLm, passNt, passNtlmV2, password, socksUsers, ...plain } = input.config
  return {
    config: {
      ...plain,
      socksUsers: socksUsers.map(each => ({ ...each, password: each.password.reveal() })),
    },
    credentials: credentials && packCredentials(credentials),
    alternative: alternative && packCredentials(alternative),
    workstation,
    configChangedAtMs,
  }
}

export function unpackInput(packed: PackedInput): BuildInput {
  const { alternative, config, configChangedAtMs, credentials, workstation } = packed
  return {
    config: {
      ...config,
      socksUsers: config.socksUsers.map(each => ({
        ...each,
        password: new Secret(each.password),
      })),
      password: undefined,
      passNt: undefined,
      passLm: undefined,
      passNtlmV2: undefined,
      acl: [],
    },
    credentials: credentials && unpackCredentials(credentials),
    alternative: alternative && unpackCredentials(alternative),
    ...(workstation === undefined ? {} : { workstation }),
    configChangedAtMs,
  }
}
