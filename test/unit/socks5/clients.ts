import { Secret } from '../../../src/core/index.ts'
import { SocksHandshake, type SocksStep } from '../../../src/socks5/index.ts'

/** The bytes of `05 01 00`. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

export function usersOf(accounts: Record<string, string>): Map<string, Secret<string>> {
  return new Map(Object.entries(accounts).map(([user, password]) => [user, new Secret(password)]))
}

/** What a whole handshake came to, in words that can be compared. */
export interface Course {
  /** Everything that is sent before the end, as hex. */
  readonly sent: string
  readonly end: string
}

/** Gives the segments to a new handshake, as a caller would: what follows `connect` goes to the target. */
export function converse(
  segments: readonly Buffer[],
  users?: ReadonlyMap<string, Secret<string>>,
): Course {
  const handshake = new SocksHandshake({ users })
  const sent: Buffer[] = []
  const tail: Buffer[] = []
  let last: SocksStep | undefined
  for (const segment of segments) {
    if (last?.kind === 'connect') {
      tail.push(segment)
      continue
    }
    for (const step of handshake.push(segment)) {
      if (step.kind === 'send') sent.push(step.bytes)
      if (step.kind === 'failed') sent.push(step.reply)
      if (step.kind === 'connect') tail.push(step.leftover)
      last = step
    }
  }
  return { sent: Buffer.concat(sent).toString('hex'), end: describeEnd(last, Buffer.concat(tail)) }
}

function describeEnd(last: SocksStep | undefined, tail: Buffer): string {
  switch (last?.kind) {
    case 'connect':
      return `connect ${last.target.host} ${last.target.port}, then "${tail.toString('latin1')}"`
    case 'failed':
      return `failed: ${last.reason}`
    default:
      return 'waiting'
  }
}

/** RFC 1929: VER 1, ULEN, UNAME, PLEN, PASSWD. */
export function logon(user: string | Buffer, password: string | Buffer): Buffer {
  const fields = [user, password].flatMap(text => {
    const bytes = Buffer.from(text)
    return [Buffer.from([bytes.length]), bytes]
  })
  return Buffer.concat([Buffer.from([0x01]), ...fields])
}

/** RFC 1928: a CONNECT to a domain name. */
export function connectTo(domain: string | Buffer, port: number): Buffer {
  const name = Buffer.from(domain)
  const portBytes = Buffer.from([port >> 8, port & 0xff])
  return Buffer.concat([hex('05 01 00 03'), Buffer.from([name.length]), name, portBytes])
}
