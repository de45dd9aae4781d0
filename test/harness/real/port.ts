import { connect, createServer } from 'node:net'

/** Below the range from which port 0 and outgoing connections are served (ip_local_port_range): no other program gets it. */
const FIRST_PORT = 10_000

/** Test files run at the same time, in processes whose numbers are near each other. */
const BLOCKS = 64
const BLOCK_SIZE = 340

let taken = 0

/** A loopback port that is free, and that this process has not given away before; for programs that cannot bind port 0. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (process.pid % BLOCKS) * BLOCK_SIZE + (taken++ % BLOCK_SIZE)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Whether somebody listens there. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, host)
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
