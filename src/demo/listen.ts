import type { Server } from 'node:net'
import type { HostPort } from '../core/index.ts'

/** Binds a server, by default to any free port of the loopback, and says where it listens. */
export async function listen(server: Server, host = '127.0.0.1', port = 0): Promise<HostPort> {
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(port, host, () => {
      server.removeListener('error', fail)
      done()
    })
  })
  const bound = server.address()
  return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port }
}
