import type { Config } from '../config/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'

/** A configuration, with what was made of its account. */
export interface BuildInput {
  readonly config: Config
  /** undefined when there is no account of the configuration. */
  readonly credentials: NtlmCredentials | undefined
  /** What is tried when those are rejected: they read the hashes as inverted without certainty, this reads them plain. */
  readonly alternative?: NtlmCredentials | undefined
  /** What upstreams are told as the place of a client's logon. */
  readonly workstation?: string
  /** The configuration file; undefined when there is none. */
  readonly file?: string | undefined
  /** Unix time in ms of the last change of the files read: an older rejection is not held against the password. */
  readonly configChangedAtMs: number
  /** Where the secret comes from; a later process compares it, and nothing can be guessed from it. */
  readonly secretOrigin?: string
}
