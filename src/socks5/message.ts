import type { HostPort, Secret } from '../core/index.ts'

export const SOCKS_VERSION = 0x05

/** Lower-case user to password. Empty or undefined: the port is open to everyone who reaches it. */
export type SocksUsers = ReadonlyMap<string, Secret<string>> | undefined

export function isOpen(users: SocksUsers): boolean {
  return users === undefined || users.size === 0
}

export interface SocksFailure {
  readonly kind: 'failed'
  /** What the client is told before its connection is closed. */
  readonly reply: Buffer
  /** For the log. */
  readonly reason: string
}

/** What one complete message of the client leads to. `length` is how many bytes the message takes. */
export type Outcome =
  | {
      readonly kind: 'answered'
      readonly length: number
      readonly answer: Buffer
      readonly next: 'logon' | 'request'
    }
  | { readonly kind: 'target'; readonly length: number; readonly target: HostPort }
  | SocksFailure
