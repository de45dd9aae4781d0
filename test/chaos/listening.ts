import type { AddressInfo, Server, Socket } from 'node:net'

/** A server and what is open at it. */
export interface Listening {
  readonly server: Server
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
}

export async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', 4096, resolve)
  })
  return { server, port: (server.address() as AddressInfo).port, sockets }
}

export async function close(listening: Listening | undefined): Promise<void> {
  if (listening === undefined) return
  const closed = new Promise(resolve => listening.server.close(resolve))
  for (const socket of listening.sockets) socket.destroy()
  await closed
}
