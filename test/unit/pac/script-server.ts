import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A web server that answers each path as the table says, and 404 otherwise. Keeps what it was asked. */
export class ScriptServer {
  readonly asked: IncomingMessage[] = []
  readonly answers: Record<string, Answer>
  readonly #port: number

  constructor(port: number, answers: Record<string, Answer>) {
    this.#port = port
    this.answers = answers
  }

  static async start(t: Test, answers: Record<string, Answer> = {}): Promise<ScriptServer> {
    const server = createServer((request, response) => {
      started.asked.push(request)
      const answer = answers[request.url ?? '']
      if (answer === undefined) response.writeHead(404).end('no such page')
      else answer(request, response)
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const started = new ScriptServer((server.address() as AddressInfo).port, answers)
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return started
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`
  }
}

export function redirect(to: string, status = 302): Answer {
  return (_request, response) => response.writeHead(status, { Location: to }).end('moved')
}

export function script(text: string | Buffer, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(200, headers).end(text)
}
