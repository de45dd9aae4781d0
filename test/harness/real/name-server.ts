import { createSocket } from 'node:dgram'

export interface NameServer {
  /** Names that were asked for, once a question. */
  readonly asked: readonly string[]
  close(): void
}

const A = 1
/** RFC 1035 section 4.1.1: the length of the header of a message. */
const HEADER = 12

/**
 * A name server on port 53 of 127.0.0.1, for a network namespace of a test's own. `addressOf` gives the IPv4 address of a name, '' where it
 * has none (NXDOMAIN), and undefined where nothing is answered.
 */
export async function startNameServer(
  addressOf: (name: string) => string | undefined,
): Promise<NameServer> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { address, port }) => {
    const { name, end } = readName(query)
    asked.push(name)
    const answer = addressOf(name)
    if (answer === undefined) return
    const type = query.readUInt16BE(end)
    const hasAnswer = answer !== '' && type === A
    const head = Buffer.from(query.subarray(0, end + 4))
    // A response, recursion available, NXDOMAIN where there is no such name; one question, no additional records.
    head.writeUInt16BE(0x8180 | (answer === '' ? 3 : 0), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(hasAnswer ? 1 : 0, 6)
    head.writeUInt32BE(0, 8)
    const record = hasAnswer
      ? Buffer.from([0xc0, HEADER, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...answer.split('.').map(Number)])
      : Buffer.alloc(0)
    socket.send(Buffer.concat([head, record]), port, address)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(53, '127.0.0.1', resolve)
  })
  return { asked, close: () => void socket.close() }
}

/** The name of the first question, and where it ends. */
function readName(message: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = HEADER
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}
