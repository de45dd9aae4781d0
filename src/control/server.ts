import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { limitConnections } from '../net/index.ts'
import type { ControlActions } from './actions.ts'
import { type Answer, answerRequest, refusal } from './routes.ts'

const MAX_HEADER_BYTES = 8 * 1024
const MAX_BODY_BYTES = 4 * 1024
/** For a complete request to arrive. */
const PATIENCE_MS = 10_000
const MAX_CONNECTIONS = 32

export interface ControlServerOptions {
  readonly actions: ControlActions
  /** Called with exceptions of actions. */
  readonly onBug: (error: unknown) => void
}

/** HTTP with JSON, one request per connection. It does not listen yet. */
export function createControlServer({ actions, onBug }: ControlServerOptions): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: PATIENCE_MS,
    headersTimeout: PATIENCE_MS,
    connectionsCheckingInterval: PATIENCE_MS / 2,
    // Requests over a Unix socket have no host.
    requireHostHeader: false,
  })
  limitConnections(server, MAX_CONNECTIONS)
  server.on('request', (request, response) => {
    response.on('error', () => undefined)
    void answer(actions, request, onBug).then(found => write(response, found))
  })
  // Accepting can fail temporarily (EMFILE): the socket continues.
  server.on('error', () => undefined)
  return server
}

async function answer(
  actions: ControlActions,
  request: IncomingMessage,
  onBug: (error: unknown) => void,
): Promise<Answer> {
  try {
    const text = await readBody(request)
    if (text === undefined) return refusal(413, `a body has ${MAX_BODY_BYTES} bytes at most`)
    const body = parse(text)
    if (body === INVALID) return refusal(400, 'the body is not JSON')
    const [path = ''] = (request.url ?? '').split('?')
    return await answerRequest(actions, request.method ?? '', path, body)
  } catch (error) {
    // A client that has gone away reads no answer.
    if (!request.destroyed || request.complete) onBug(error)
    return refusal(500, 'this is a bug; the log has it')
  }
}

function write(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    Connection: 'close',
  })
  response.end(`${JSON.stringify(body)}\n`)
}

/** @returns undefined when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const INVALID = Symbol('invalid')

function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return INVALID
  }
}
