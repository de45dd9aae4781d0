import { once } from 'node:events'
import { connect, createServer, type Socket, type TcpNetConnectOpts } from 'node:net'
import { listen } from '../../src/demo/listen.ts'

export type Pair<End> = readonly [far: End, near: End]

/**
 * Both ends of an IPv4 connection on loopback: the one that was accepted, and the one that was opened.
 * @throws when nobody can listen on that host.
 */
export async function socketPair(
  dial: (options: TcpNetConnectOpts) => Socket = connect,
  host = '127.0.0.1',
): Promise<Pair<Socket>> {
  const server = createServer({ allowHalfOpen: true })
  const { port } = await listen(server, host)
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
  const opened = dial({ port, host: '127.0.0.1', allowHalfOpen: true })
  const pair = [await accepted, opened] as const
  if (opened.connecting) await once(opened, 'connect')
  server.close()
  return pair
}
