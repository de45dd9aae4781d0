import type { HostPort, Secret } from '../core/index.ts'

export const SOCKS_VERSION = 0x05

/** Passwords by lower-case user. Empty or undefined: the port is open to everyone who can reach it. */
export type SocksUsers = ReadonlyMap<string, Secret<string>> | undefined

export function isOpen(users: SocksUsers): boolean {
  return users === undefined || users.size === 0
}

export interface SocksFailure {
  readonly kind: 'failed'
  /** Sent to the client before its connection is closed. */
  readonly reply: Buffer
  /** For the log. */
  readonly reason: string
}

/** The outcome of one complete client message. `length` is the size of the message in bytes. */
export type Outcome =
  | {
      readonly kind: 'answered'
      readonly length: number
      readonly answer: Buffer
      readonly next: 'logon' | 'request'
    }
  | { readonly kind: 'target'; readonly length: number; readonly target: HostPort }
  | SocksFailure
