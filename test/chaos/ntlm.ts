/**
 * A CHALLENGE (MS-NLMP 2.2.1.2) as a domain member gives it. The upstream here has no use for the answer: whether answers are
 * right is judged in other suites, by Samba.
 */
export function challengeMessage(): string {
  const name = utf16('CORP')
  const pairs = [
    [2, name],
    [1, utf16('PROXY')],
    [4, utf16('corp.test')],
    [3, utf16('proxy.corp.test')],
    [7, Buffer.from('00a0b5c7e1f1da01', 'hex')],
    [0, Buffer.alloc(0)],
  ] as const
  const info = Buffer.concat(pairs.flatMap(([id, value]) => [uint16(id, value.length), value]))
  const header = Buffer.alloc(56)
  header.write('NTLMSSP\0\x02', 'latin1')
  uint16(name.length, name.length).copy(header, 12)
  header.writeUInt32LE(header.length, 16)
  header.writeUInt32LE(0xa2898205, 20)
  header.write('chaoschl', 24, 'latin1')
  uint16(info.length, info.length).copy(header, 40)
  header.writeUInt32LE(header.length + name.length, 44)
  header.write('\x0a\x00\x61\x4a\x00\x00\x00\x0f', 48, 'latin1')
  return Buffer.concat([header, name, info]).toString('base64')
}

/** The type of the message in a Proxy-Authorization field; 0 when there is none. */
export function messageType(field: string | undefined): number {
  const token = /^NTLM (\S+)$/i.exec(field ?? '')?.[1]
  return token === undefined ? 0 : Buffer.from(token, 'base64').readUInt8(8)
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le')
}

function uint16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, index) => bytes.writeUInt16LE(value, 2 * index))
  return bytes
}
