import { connect, createServer, type Socket } from 'node:net'

/**
 * floor UPSTREAM_PORT PORT: the least that a proxy in plain node can do. It sends the legs of NTLM on each new connection to the
 * upstream, keeps connections for GETs, and relays. There are no limits, no checks, no errors, no log; it is no proxy to use, but the bound
 * of what one could reach in node.
 */
const [upstreamPort, port] = process.argv.slice(2).map(Number)
const END = '\r\n\r\n'
const NEGOTIATE = `TlRMTVNTUAABAAAA${'A'.repeat(32)}`
const AUTHENTICATE = `TlRMTVNTUAADAAAA${'A'.repeat(600)}`

interface Session {
  readonly socket: Socket
  /** Whoever gets the bytes. */
  take: (bytes: Buffer) => void
}

const kept: Session[] = []

function dial(): Session {
  const socket = connect({ port: upstreamPort ?? 0, host: '127.0.0.1', noDelay: true })
  const session: Session = { socket, take: () => undefined }
  socket.on('data', bytes => session.take(bytes))
  socket.on('error', () => socket.destroy())
  return session
}

/** One leg: the head with the message in it, and the whole answer to it. */
function leg(session: Session, head: string, message: string, then: () => void): void {
  let length = 0
  let total = Infinity
  session.take = bytes => {
    if (length === 0) {
      const end = bytes.indexOf(END) + END.length
      total = end + contentLength(bytes.toString('latin1', 0, end))
    }
    length += bytes.length
    if (length >= total) then()
  }
  session.socket.write(withCredentials(head, message), 'latin1')
}

function withCredentials(head: string, message: string): string {
  return `${head.slice(0, -2)}Proxy-Authorization: NTLM ${message}${END}`
}

function contentLength(head: string): number {
  return Number(/\r\nContent-Length: ([0-9]+)/.exec(head)?.[1] ?? 0)
}

function get(client: Socket, head: string): void {
  const known = kept.pop()
  const session = known ?? dial()
  let left = Infinity
  const relay = (bytes: Buffer): void => {
    if (left === Infinity) {
      const end = bytes.indexOf(END) + END.length
      left = end + contentLength(bytes.toString('latin1', 0, end))
    }
    left -= bytes.length
    if (!client.write(bytes)) {
      session.socket.pause()
      client.once('drain', () => session.socket.resume())
    }
    if (left > 0) return
    kept.push(session)
  }
  const ask = (text: string): void => {
    session.take = relay
    session.socket.write(text, 'latin1')
  }
  if (known !== undefined) ask(head)
  else leg(session, head, NEGOTIATE, () => ask(withCredentials(head, AUTHENTICATE)))
}

function tunnel(client: Socket, head: string): void {
  const session = dial()
  leg(session, head, NEGOTIATE, () => {
    session.take = bytes => {
      session.socket.removeAllListeners('data')
      client.write(bytes)
      client.removeAllListeners('data')
      client.pipe(session.socket).pipe(client)
    }
    session.socket.write(withCredentials(head, AUTHENTICATE), 'latin1')
  })
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, client => {
  client.on('error', () => client.destroy())
  client.on('data', bytes => {
    const head = bytes.toString('latin1')
    if (head.startsWith('CONNECT ')) tunnel(client, head)
    else get(client, head)
  })
})
server.listen({ port, host: '127.0.0.1', backlog: 4096 })
