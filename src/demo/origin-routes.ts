import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Duplex, Readable } from 'node:stream'
import type { Clock } from '../core/index.ts'

interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly clock: Clock
}

/** The pages of the origin. Numbers come from the query and are bounded. */
const PAGES: Readonly<Record<string, (visit: Visit) => void>> = {
  '/hello': ({ response }) => void response.end('Hello from the origin\n'),

  /** Method, length and SHA-256 of the request's body. */
  '/echo': ({ request, response }) => {
    const hash = createHash('sha256')
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    request.on('end', () => {
      sendJson(response, { method: request.method, bytes, sha256: hash.digest('hex') })
    })
  },

  '/bytes': ({ response, query }) => {
    const length = numberOf(query, 'n', 1024)
    response.setHeader('Content-Length', length)
    Readable.from(pieces(length)).pipe(response)
  },

  /** Several chunks and a trailer field. */
  '/chunked': ({ response, query }) => {
    response.setHeader('Trailer', 'X-Chunks')
    const count = numberOf(query, 'n', 3)
    for (let i = 1; i <= count; i++) response.write(`chunk ${i}\n`)
    response.addTrailers({ 'X-Chunks': String(count) })
    response.end()
  },

  '/status': ({ response, query }) => {
    response.statusCode = Math.min(Math.max(numberOf(query, 'code', 200), 200), 599)
    response.end(`Status ${response.statusCode}\n`)
  },

  '/headers': ({ request, response }) => sendJson(response, request.rawHeaders),

  /** A body without length that ends with the connection (RFC 9112 section 6.3, item 8). */
  '/noclose': ({ response }) => {
    response.removeHeader('Transfer-Encoding')
    response.setHeader('Connection', 'close')
    response.write('This body ends ')
    response.end('with the connection\n')
  },

  '/early-hints': ({ response }) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    response.end('After an early hint\n')
  },

  '/slow': ({ response, query, clock }) => {
    clock.setTimer(numberOf(query, 'ms', 1000), () => response.end('At last\n'))
  },
}

export function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  clock: Clock,
): void {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://origin.demo.test')
  const show = Object.hasOwn(PAGES, pathname) ? PAGES[pathname] : undefined
  response.setHeader('Content-Type', 'text/plain')
  if (show !== undefined) return show({ request, response, query, clock })
  response.statusCode = 404
  response.end(`There are: ${Object.keys(PAGES).join(' ')} /ws\n`)
}

/** /ws: the WebSocket handshake (RFC 6455 section 4.2.2), after which every byte comes back as it is. */
export function answerUpgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
  socket.on('error', () => socket.destroy())
  const key = request.headers['sec-websocket-key']
  if (request.url !== '/ws' || key === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
  )
  socket.write(early)
  socket.pipe(socket)
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json')
  response.end(`${JSON.stringify(value)}\n`)
}

function numberOf(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise)
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise
}

/** A repeating alphabet of exactly `length` bytes, made as it is read. */
function* pieces(length: number): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 'abcdefghijklmnopqrstuvwxyz012345')
  for (let left = length; left > 0; left -= piece.length) {
    yield left < piece.length ? piece.subarray(0, left) : piece
  }
}
