import { connect, createServer, type Socket, type TcpNetConnectOpts } from 'node:net'

export type Pair<End> = readonly [far: End, near: End]

/** Both ends of a loopback connection: the one that was accepted, and the one that was opened. */
export async function socketPair(
  dial: (options: TcpNetConnectOpts) => Socket = connect,
): Promise<Pair<Socket>> {
  const server = createServer({ allowHalfOpen: true })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
  const opened = dial({ port, host: '127.0.0.1', allowHalfOpen: true })
  const pair = [await accepted, opened] as const
  server.close()
  return pair
}
