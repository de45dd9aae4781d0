import { createHash, timingSafeEqual } from 'node:crypto'
import { isOpen, type Outcome, type SocksFailure, type SocksUsers } from './message.ts'

const VERSION = 0x01
const ACCEPTED = Buffer.from([VERSION, 0x00])
const REFUSED = Buffer.from([VERSION, 0xff])

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * VER 1, ULEN, UNAME, PLEN, PASSWD (RFC 1929 section 2), answered with VER, STATUS; any status but 0 ends the
 * connection. Without configured users all are accepted: some clients offer only this method.
 * @returns undefined while the message is incomplete
 */
export function readLogon(bytes: Buffer, users: SocksUsers): Outcome | undefined {
  const [version, userLength] = [bytes[0], bytes[1]]
  if (version !== undefined && version !== VERSION) {
    return refuse('The user and password message is not of version 1 (RFC 1929)')
  }
  if (userLength === undefined) return undefined
  const passwordStart = 3 + userLength
  const passwordLength = bytes[passwordStart - 1]
  if (passwordLength === undefined) return undefined
  const length = passwordStart + passwordLength
  if (bytes.length < length) return undefined

  const user = decodeText(bytes.subarray(2, 2 + userLength)).toLowerCase()
  const password = decodeText(bytes.subarray(passwordStart, length))
  const refusal = judge(user, password, users)
  return refusal ?? { kind: 'answered', length, answer: ACCEPTED, next: 'request' }
}

function judge(user: string, password: string, users: SocksUsers): SocksFailure | undefined {
  if (isOpen(users)) return undefined
  const expected = users?.get(user)
  // An unknown user takes as long as a wrong password, so that timing does not reveal user names.
  const isRight = isSame(password, expected?.reveal() ?? '')
  if (expected === undefined) return refuse('No SOCKS5User directive names the user of the client')
  return isRight ? undefined : refuse('The password of the client is not that of its SOCKS5User')
}

function refuse(reason: string): SocksFailure {
  return { kind: 'failed', reply: REFUSED, reason }
}

/** Equal digests mean equal texts, and have the same length, which timingSafeEqual requires. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

/** RFC 1929 specifies no charset: UTF-8, or Latin-1 when it is not valid UTF-8. */
function decodeText(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
