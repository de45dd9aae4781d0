import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HeldOrigin {
  readonly port: number
  /** Each request as it arrived: method and length of its body. */
  readonly arrived: readonly { readonly method: string; readonly bytes: number }[]
  /** Answers what waits and, from now on, everything at once. */
  release(): void
  stop(): Promise<void>
}

/** An origin that records requests and answers none before `release`. */
export async function startHeldOrigin(): Promise<HeldOrigin> {
  const arrived: { method: string; bytes: number }[] = []
  const waiting: ServerResponse[] = []
  let released = false
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () => {
      arrived.push({ method: request.method ?? '', bytes })
      if (released) response.end('released\n')
      else waiting.push(response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    release() {
      released = true
      for (const response of waiting.splice(0)) response.end('released\n')
    },
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
