import { chmod, lstat, rm } from 'node:fs/promises'
import { request, type Server } from 'node:http'
import { listenAt } from './listen-at.ts'

/** Who may connect: the owner and the group of the file. */
const MODE = 0o660

/**
 * Binds a socket of the Unix domain. The file that a process left behind when it was killed is replaced; one that somebody
 * listens on, and anything that is no socket, is left alone. @throws the system's error.
 */
export async function bindSocket(server: Server, path: string): Promise<void> {
  try {
    await listenAt(server, { path })
  } catch (error) {
    if (!(await isLeftOver(path))) throw error
    await rm(path)
    await listenAt(server, { path })
  }
  await chmod(path, MODE)
}

async function isLeftOver(path: string): Promise<boolean> {
  const isSocket = await lstat(path).then(
    stats => stats.isSocket(),
    () => false,
  )
  return isSocket && (await refusesConnections(path))
}

async function refusesConnections(path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const asked = request({ socketPath: path, path: '/livez' })
    asked.on('socket', socket => {
      socket.once('connect', () => {
        resolve(false)
        asked.destroy()
      })
    })
    asked.on('error', error => resolve('code' in error && error.code === 'ECONNREFUSED'))
    asked.end()
  })
}
