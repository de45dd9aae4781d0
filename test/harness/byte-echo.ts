import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { listen } from '../../src/demo/listen.ts'

export interface ByteServer {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: readonly Socket[]
  close(): Promise<void>
}

/** Sends every byte back; when the client ends its side, ends the other one after the last byte. */
export function startByteEcho(): Promise<ByteServer> {
  return startByteServer(socket => void socket.pipe(socket))
}

/** Sends `length` bytes as fast as they are taken, then ends. */
export function startByteSource(length: number): Promise<ByteServer> {
  return startByteServer(socket => {
    socket.resume()
    Readable.from(pattern(length)).pipe(socket)
  })
}

/** Swallows everything; when the client ends, answers `<length> <sha256 hex>` and ends. */
export function startByteSink(): Promise<ByteServer> {
  return startByteServer(socket => {
    const hash = createHash('sha256')
    let length = 0
    socket.on('data', chunk => {
      length += chunk.length
      hash.update(chunk)
    })
    socket.on('end', () => socket.end(`${length} ${hash.digest('hex')}`))
  })
}

/** The bytes of the source: position-dependent, so that a lost or doubled piece changes the hash. */
export function* pattern(length: number, pieceLength = 16 * 1024): Generator<Buffer> {
  for (let at = 0; at < length; at += pieceLength) {
    const piece = Buffer.alloc(Math.min(pieceLength, length - at))
    for (let i = 0; i + 4 <= piece.length; i += 4) piece.writeUInt32LE(at + i, i)
    yield piece
  }
}

async function startByteServer(serve: (socket: Socket) => void): Promise<ByteServer> {
  const accepted: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    accepted.push(socket)
    // A reset by the client is the end of the matter here; tests look at the client's side.
    socket.on('error', () => {})
    serve(socket)
  })
  const { port } = await listen(server)
  return {
    port,
    accepted,
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of accepted) socket.destroy()
      }),
  }
}
