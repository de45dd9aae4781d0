import { ERRORS } from '../core/index.ts'
import {
  isOpen,
  type Outcome,
  SOCKS_VERSION,
  type SocksFailure,
  type SocksUsers,
} from './message.ts'

const NO_AUTHENTICATION = 0x00
const USER_PASSWORD = 0x02
const NO_ACCEPTABLE_METHOD = 0xff

const SOCKS4_VERSION = 0x04
/** VN 0, CD 91 "request rejected or failed", then port and address, which mean nothing here. */
const SOCKS4_REJECTED = Buffer.from([0x00, 0x5b, 0, 0, 0, 0, 0, 0])

const HTTP_ADVICE =
  'This port speaks SOCKS5, not HTTP: use socks5h://host:port, or the port of a Listen directive'

/**
 * VER, NMETHODS, METHODS (RFC 1928 section 3), answered with VER, METHOD. The first byte alone shows whether a client
 * speaks another protocol, as it may wait for a reply to that byte.
 * @returns undefined while the message is incomplete
 */
export function readGreeting(bytes: Buffer, users: SocksUsers): Outcome | undefined {
  const [version, count] = [bytes[0], bytes[1]]
  if (version !== undefined && version !== SOCKS_VERSION) return foreignProtocol(version)
  if (count === undefined || bytes.length < 2 + count) return undefined
  const offered = bytes.subarray(2, 2 + count)
  if (isOpen(users) && offered.includes(NO_AUTHENTICATION)) {
    return accept(NO_AUTHENTICATION, 'request', 2 + count)
  }
  if (offered.includes(USER_PASSWORD)) return accept(USER_PASSWORD, 'logon', 2 + count)
  return {
    kind: 'failed',
    reply: Buffer.from([SOCKS_VERSION, NO_ACCEPTABLE_METHOD]),
    reason: isOpen(users)
      ? 'The client offers neither of the methods 0 (no authentication) and 2 (user and password)'
      : 'The client does not log on: give it the user and password of a SOCKS5User directive',
  }
}

function accept(method: number, next: 'logon' | 'request', length: number): Outcome {
  return { kind: 'answered', length, answer: Buffer.from([SOCKS_VERSION, method]), next }
}

function foreignProtocol(firstByte: number): SocksFailure {
  if (firstByte === SOCKS4_VERSION) {
    const reason = 'The client speaks SOCKS4: set it to SOCKS5'
    return { kind: 'failed', reply: SOCKS4_REJECTED, reason }
  }
  if (/[A-Za-z]/.test(String.fromCharCode(firstByte))) {
    return { kind: 'failed', reply: httpRefusal(), reason: HTTP_ADVICE }
  }
  const found = `0x${firstByte.toString(16).padStart(2, '0')}`
  const reason = `The client does not speak SOCKS5: its first byte is ${found}, 0x05 expected`
  return { kind: 'failed', reply: Buffer.alloc(0), reason }
}

/** For people who set http_proxy to this port: says why it does not work. */
function httpRefusal(): Buffer {
  const body = `tsntlm: ${HTTP_ADVICE}.\n`
  const lines = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Connection: close',
    `Proxy-Status: tsntlm; error=${ERRORS.BAD_REQUEST.proxyStatus}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}
