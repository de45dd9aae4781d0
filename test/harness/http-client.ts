import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Content, fieldValues, NOTHING, readContent } from './content.ts'
import { SocketReader } from './socket-reader.ts'

export interface RawResponse extends Content {
  readonly status: number
  readonly reason: string
  /** Status line and fields as they came, without the empty line. */
  readonly head: string
  readonly text: string
  /** All values of a field, in order. */
  values(name: string): string[]
}

/** A client that sends exactly the bytes it is given and reads one response at a time. */
export class RawClient<Stream extends Duplex = Socket> {
  readonly socket: Stream
  readonly reader: SocketReader

  constructor(socket: Stream) {
    this.socket = socket
    this.reader = new SocketReader(socket)
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** The head of the next response, 1xx ones included; the body stays unread. */
  async readHead(): Promise<string> {
    const head = await this.reader.readUntil('\r\n\r\n')
    return head.subarray(0, -4).toString('latin1')
  }

  /** The next final response, its body read by RFC 9112 section 6.3 for a request with this method. */
  async readResponse(method = 'GET'): Promise<RawResponse> {
    let head = await this.readHead()
    while (/^HTTP\/1\.[01] 1(?!01)/.test(head)) head = await this.readHead()
    const [, code = '', reason = ''] = /^HTTP\/1\.[01] ([0-9]{3}) ?(.*)/.exec(head) ?? []
    const status = Number(code)
    const values = (name: string) => fieldValues(head, name)
    const isEmpty =
      method === 'HEAD' ||
      status === 204 ||
      status === 304 ||
      status === 101 ||
      (method === 'CONNECT' && status < 300)
    const content = isEmpty ? NOTHING : await readContent(this.reader, head, 'until-end')
    const text = content.body.toString()
    return { status, reason, head, values, text, ...content }
  }

  /** Sends a request and reads its response. `head` is the request line and fields, one a line, without CR. */
  async request(head: string, body: string | Buffer = ''): Promise<RawResponse> {
    this.send(`${head.trim().replaceAll('\n', '\r\n')}\r\n\r\n`)
    if (body.length > 0) this.send(body)
    return await this.readResponse(head.trim().split(' ')[0])
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** Opens a connection whose two directions end by themselves. */
export async function openClient(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ port, host, allowHalfOpen: true })
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return client
}

export interface TunnelEnd {
  readonly socket: Socket
  readonly leftover: Buffer
  readonly response: RawResponse
}

/** CONNECT through a proxy that asks this client for nothing. Any other answer than 2xx is an error that shows it. */
export async function connectTunnel(proxyPort: number, target: string): Promise<TunnelEnd> {
  const client = await openClient(proxyPort)
  const response = await client.request(`CONNECT ${target} HTTP/1.1\nHost: ${target}`)
  if (response.status >= 300) {
    client.destroy()
    throw new Error(`CONNECT ${target} was answered ${response.status}: ${response.head}`)
  }
  return { socket: client.socket, leftover: client.reader.detach(), response }
}
