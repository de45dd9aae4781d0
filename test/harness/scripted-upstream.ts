import { createServer, Socket } from 'node:net'
import type { NtlmAcceptor, Verdict } from '../../src/demo/index.ts'
import { listen } from '../../src/demo/listen.ts'
import { type Content, fieldValues, readContent } from './content.ts'
import { SocketReader } from './socket-reader.ts'
import type { WireEnd } from './wire.ts'

export type BodyStyle = 'length' | 'chunked' | 'close' | 'none'

export interface Demand {
  /** Proxy-Authenticate field values, each on a line of its own. Default: `NTLM`, or the challenge alone. */
  readonly schemes?: readonly string[]
  /** How the body of the 407 is delimited; `close` also ends the connection. Default `length`. */
  readonly bodyStyle?: BodyStyle
  /** Whole field lines about the connection, without CRLF. Default none. */
  readonly connectionLines?: readonly string[]
  /** Default 3 KB of HTML, as Squid sends. */
  readonly body?: string
  readonly version?: '1.0' | '1.1'
  /** Writes the answer one byte at a time. */
  readonly slow?: boolean
}

export interface NtlmDemand extends Omit<Demand, 'schemes'> {
  readonly acceptor: NtlmAcceptor
  /** Gives the Proxy-Authenticate values around the challenge token. Default: `NTLM <token>` alone. */
  readonly schemes?: (token: string) => readonly string[]
}

/** One accepted connection in the hands of a script. */
export class ScriptedConnection {
  readonly number: number
  readonly socket: Socket | WireEnd
  /** Raw request heads read so far, without the empty line. */
  readonly heads: string[] = []
  readonly #reader: SocketReader
  #bytesWritten = 0

  constructor(number: number, socket: Socket | WireEnd) {
    this.number = number
    this.socket = socket
    this.#reader = new SocketReader(socket)
  }

  /** The next request head, without its empty line. */
  async readHead(): Promise<string> {
    const bytes = await this.#reader.readUntil('\r\n\r\n')
    const head = bytes.subarray(0, -4).toString('latin1')
    this.heads.push(head)
    return head
  }

  /** The next request head, or undefined when the client goes away instead. */
  async nextHead(): Promise<string | undefined> {
    return await this.readHead().catch(() => undefined)
  }

  /** The body of the request with this head. */
  readContent(head: string): Promise<Content> {
    return readContent(this.#reader, head, 'none')
  }

  readBody(length: number): Promise<Buffer> {
    return this.#reader.readBytes(length)
  }

  readUntil(mark: string): Promise<Buffer> {
    return this.#reader.readUntil(mark)
  }

  readToEnd(): Promise<Buffer> {
    return this.#reader.readToEnd()
  }

  /** Waits until the client has ended or reset the connection. */
  closed(): Promise<'end' | 'reset'> {
    return this.#reader.closed()
  }

  /** What it wrote, whether or not that was read. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  write(bytes: string | Buffer): void {
    this.#bytesWritten += bytes.length
    this.socket.write(bytes)
  }

  /** Writes the same again and again, as fast as it is read, until the connection is gone. */
  async writeWithoutEnd(text: string): Promise<void> {
    while (this.socket.writable) {
      this.#bytesWritten += text.length
      await new Promise(done => this.socket.write(text, done))
    }
  }

  /** One byte a write, each in a turn of its own of the event loop. */
  async writeSlow(bytes: string | Buffer): Promise<void> {
    if (this.socket instanceof Socket) this.socket.setNoDelay(true)
    for (const byte of Buffer.from(bytes)) {
      if (this.socket.destroyed) return
      this.socket.write(Buffer.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  end(): void {
    this.socket.end()
  }

  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Answers nothing more and waits for the client to go away. */
  async hold(): Promise<void> {
    await this.closed()
  }

  /** An ordinary answer, delimited by Content-Length. */
  respond(status: string, body = '', fieldLines: readonly string[] = []): void {
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    this.write([`HTTP/1.1 ${status}`, ...fieldLines, length, '', body].join('\r\n'))
  }

  async demand(demand: Demand = {}): Promise<void> {
    const { bodyStyle = 'length', slow = false } = demand
    const bytes = render407(demand)
    if (slow) await this.writeSlow(bytes)
    else this.write(bytes)
    if (bodyStyle === 'close') this.end()
  }

  /** Reads a request with a NEGOTIATE and answers it with the acceptor's challenge. */
  async challenge(demand: NtlmDemand): Promise<string> {
    const head = await this.readHead()
    await this.readContent(head)
    const token = demand.acceptor.challenge(tokenOf(head)).toString('base64')
    const schemes = demand.schemes?.(token) ?? [`NTLM ${token}`]
    await this.demand({ ...demand, schemes })
    return head
  }

  /** Reads a request head with an AUTHENTICATE and judges it; its body is left to the script. */
  async judge(acceptor: NtlmAcceptor): Promise<{ head: string; verdict: Verdict }> {
    const head = await this.readHead()
    return { head, verdict: acceptor.verify(tokenOf(head)) }
  }

  /** Both legs. What answers the second request is up to the script. */
  async demandNtlm(
    demand: NtlmDemand,
  ): Promise<{ negotiate: string; head: string; verdict: Verdict }> {
    const negotiate = await this.challenge(demand)
    return { negotiate, ...(await this.judge(demand.acceptor)) }
  }
}

/** The NTLM message in the Proxy-Authorization field of a request head. */
export function tokenOf(head: string): Buffer {
  const field = fieldValues(head, 'proxy-authorization')[0] ?? ''
  const [, token] = /^[a-z]+ +(\S+)$/i.exec(field) ?? []
  if (token === undefined) throw new Error(`No token in the request ${head.split('\r\n')[0]}`)
  return Buffer.from(token, 'base64')
}

const HTML = `<html><body>${'This proxy wants to know who you are. '.repeat(80)}</body></html>\n`

function render407(demand: Demand): string {
  const { schemes = ['NTLM'], bodyStyle = 'length', connectionLines = [], version = '1.1' } = demand
  const { body = HTML } = demand
  const lines = [
    `HTTP/${version} 407 Proxy Authentication Required`,
    ...schemes.map(scheme => `Proxy-Authenticate: ${scheme}`),
    ...connectionLines,
  ]
  if (bodyStyle === 'length') lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  if (bodyStyle === 'none') lines.push('Content-Length: 0')
  if (bodyStyle === 'chunked') lines.push('Transfer-Encoding: chunked')
  const head = `${lines.join('\r\n')}\r\n\r\n`
  if (bodyStyle === 'none') return head
  return head + (bodyStyle === 'chunked' ? chunk(body) : body)
}

function chunk(body: string): string {
  const pieces = body.match(/[\s\S]{1,1000}/g) ?? []
  const chunks = pieces.map(piece => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return `${chunks.join('')}0\r\n\r\n`
}

export interface ScriptedUpstream {
  readonly port: number
  readonly connections: readonly ScriptedConnection[]
  /** Why scripts broke off; a client that went away unexpectedly is among the reasons. */
  readonly failures: readonly Error[]
  /** Resolves when the script of the n-th connection (from 1) has come to its end. */
  finished(number: number): Promise<void>
  close(): Promise<void>
}

export type Script = (conn: ScriptedConnection) => Promise<void>

/** Starts a server whose every connection runs the script; it decides by `conn.number`, counted from 1. */
export async function startScriptedUpstream(script: Script): Promise<ScriptedUpstream> {
  const connections: ScriptedConnection[] = []
  const failures: Error[] = []
  const runs: Promise<void>[] = []
  const waiters: (() => void)[] = []
  let isClosing = false
  const server = createServer({ allowHalfOpen: true }, socket => {
    const conn = new ScriptedConnection(connections.length + 1, socket)
    connections.push(conn)
    const run = script(conn).catch((error: unknown) => {
      if (!isClosing) failures.push(error instanceof Error ? error : new Error(String(error)))
      socket.destroy()
    })
    runs.push(run)
    for (const wake of waiters.splice(0)) wake()
  })
  const { port } = await listen(server)
  return {
    port,
    connections,
    failures,
    finished: async number => {
      while (runs.length < number) await new Promise<void>(resolve => waiters.push(resolve))
      await runs[number - 1]
    },
    close: () =>
      new Promise(done => {
        isClosing = true
        server.close(() => done())
        for (const { socket } of connections) socket.destroy()
      }),
  }
}
