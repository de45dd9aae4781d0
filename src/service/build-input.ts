import type { Config } from '../config/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'

/** A configuration with the credentials made from it. */
export interface BuildInput {
  readonly config: Config
  /** undefined without a configured account. */
  readonly credentials: NtlmCredentials | undefined
  /** Tried when `credentials` are rejected. Those read the hashes as inverted by guess; these read them as plain. */
  readonly alternative?: NtlmCredentials | undefined
  /** The workstation name that upstreams are sent in a client's logon. */
  readonly workstation?: string
  /** The configuration file; undefined when there is none. */
  readonly file?: string | undefined
  /** Unix time in ms of the last change to the files read. Older rejections are not held against the password. */
  readonly configChangedAtMs: number
  /** Identifies where the secret comes from, for comparison by a later process. Reveals nothing about the secret. */
  readonly secretOrigin?: string
}
