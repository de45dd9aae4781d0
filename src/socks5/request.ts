import { parseHost } from '../core/index.ts'
import { AddressType, formatIPv4, formatIPv6 } from './address.ts'
import { type Outcome, SOCKS_VERSION, type SocksFailure } from './message.ts'
import { Rep, replyBytes, type ReplyCode } from './reply.ts'

const CONNECT = 0x01
const HEADER_LENGTH = 4

interface AddressForm {
  /** Octets before the address that give its length. */
  readonly prefix: 0 | 1
  /** Undefined while the prefix is missing. */
  readonly length: (bytes: Buffer) => number | undefined
  readonly host: (octets: Buffer) => string | undefined
}

const FORMS: ReadonlyMap<number, AddressForm> = new Map<number, AddressForm>([
  [AddressType.IPV4, { prefix: 0, length: () => 4, host: formatIPv4 }],
  [AddressType.IPV6, { prefix: 0, length: () => 16, host: formatIPv6 }],
  [AddressType.DOMAIN, { prefix: 1, length: bytes => bytes[HEADER_LENGTH], host: domain }],
])

/**
 * VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT (RFC 1928 section 4). The reply to a valid request is sent once the target is
 * reached.
 * @returns undefined while the message is incomplete
 */
export function readRequest(bytes: Buffer): Outcome | undefined {
  const type = bytes[HEADER_LENGTH - 1]
  if (type === undefined) return undefined
  if (bytes[0] !== SOCKS_VERSION) {
    return refuse(Rep.GENERAL_FAILURE, 'The request after the greeting is not of SOCKS version 5')
  }
  if (bytes[1] !== CONNECT) {
    return refuse(
      Rep.COMMAND_NOT_SUPPORTED,
      'The client asks for another command than CONNECT: BIND and UDP cannot go through an HTTP proxy',
    )
  }
  const form = FORMS.get(type)
  if (form === undefined) {
    const reason = `The address type ${type} is none of 1 (IPv4), 3 (domain name) and 4 (IPv6)`
    return refuse(Rep.ADDRESS_TYPE_NOT_SUPPORTED, reason)
  }
  return readTarget(bytes, form)
}

function readTarget(bytes: Buffer, form: AddressForm): Outcome | undefined {
  const addressLength = form.length(bytes)
  if (addressLength === undefined) return undefined
  const start = HEADER_LENGTH + form.prefix
  const end = start + addressLength
  if (bytes.length < end + 2) return undefined
  const host = form.host(bytes.subarray(start, end))
  const port = bytes.readUInt16BE(end)
  if (host === undefined) {
    return refuse(Rep.GENERAL_FAILURE, 'The domain name of the request is no host name')
  }
  if (port === 0) return refuse(Rep.GENERAL_FAILURE, 'The request asks for port 0')
  return { kind: 'target', length: end + 2, target: { host, port } }
}

/** Latin-1, because UTF-8 has letters outside ASCII whose lower case is in ASCII. */
function domain(octets: Buffer): string | undefined {
  const host = parseHost(octets.toString('latin1'))
  // A zone names an interface of the client (RFC 4007 section 6).
  return host?.includes(':') === true && host.includes('%') ? undefined : host
}

function refuse(code: ReplyCode, reason: string): SocksFailure {
  return { kind: 'failed', reply: replyBytes(code), reason }
}
