import { lstat, rm } from 'node:fs/promises'
import { request, type Server } from 'node:http'
import { listenAt } from './listen-at.ts'

/** Leaves the file to its owner and its group: mode 0660. */
const UMASK = 0o117

/**
 * Binds a socket of the Unix domain. The file that a process left behind when it was killed is replaced; one that somebody
 * listens on, and anything that is no socket, is left alone. @throws the system's error.
 */
export async function bindSocket(server: Server, path: string): Promise<void> {
  try {
    await listenMasked(server, path)
  } catch (error) {
    if (!(await isLeftOver(path))) throw error
    await rm(path)
    await listenMasked(server, path)
  }
}

/** The file is made within the call, so nobody else ever sees it with a wider mode. */
async function listenMasked(server: Server, path: string): Promise<void> {
  const before = process.umask(UMASK)
  const listening = listenAt(server, { path })
  process.umask(before)
  await listening
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
