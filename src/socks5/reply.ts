import type { ErrorCode, HostPort } from '../core/index.ts'
import { encodeAddress } from './address.ts'
import { SOCKS_VERSION } from './message.ts'

/** REP of RFC 1928 section 6. */
export const Rep = {
  SUCCEEDED: 0x00,
  GENERAL_FAILURE: 0x01,
  NOT_ALLOWED: 0x02,
  HOST_UNREACHABLE: 0x04,
  CONNECTION_REFUSED: 0x05,
  TTL_EXPIRED: 0x06,
  COMMAND_NOT_SUPPORTED: 0x07,
  ADDRESS_TYPE_NOT_SUPPORTED: 0x08,
} as const

export type ReplyCode = (typeof Rep)[keyof typeof Rep]

/** Only errors that concern the target itself; a client can do nothing about the others. */
const CODES: Partial<Record<ErrorCode, ReplyCode>> = {
  CLIENT_DENIED: Rep.NOT_ALLOWED,
  ROUTE_DENIED: Rep.NOT_ALLOWED,
  DIAL_DNS: Rep.HOST_UNREACHABLE,
  DIAL_UNREACHABLE: Rep.HOST_UNREACHABLE,
  DIAL_REFUSED: Rep.CONNECTION_REFUSED,
  // The RFC has no code for a timeout; other servers use this one.
  DIAL_TIMEOUT: Rep.TTL_EXPIRED,
}

/** The reply code for a failure to reach the target. */
export function replyCodeFor(code: ErrorCode): ReplyCode {
  return CODES[code] ?? Rep.GENERAL_FAILURE
}

/**
 * VER, REP, RSV, ATYP, BND.ADDR, BND.PORT: the reply to a request, 10 bytes, or 22 for a bound IPv6 address.
 * @param bound the address from which the target was dialled, if known
 */
export function replyBytes(code: ReplyCode, bound?: HostPort): Buffer {
  return Buffer.concat([Buffer.from([SOCKS_VERSION, code, 0x00]), encodeAddress(bound)])
}
