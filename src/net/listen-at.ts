import { lstatSync, rmSync } from 'node:fs'
import { connect, type ListenOptions, type Server } from 'node:net'
import type { HostPort } from '../core/index.ts'

/** A socket of the Unix domain. */
export interface SocketPath {
  readonly path: string
  /** Who may open it, as chmod(1) has it: 0o600 leaves it to its owner. */
  readonly mode: number
}

/**
 * Makes a server of node's listen. Of the path of a socket, what a process left there that was killed is replaced; a socket that somebody
 * listens on, and anything that is no socket, is left alone.
 * @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES).
 */
export async function listenAt(server: Server, place: HostPort | SocketPath): Promise<void> {
  if (!('path' in place)) return bind(server, { ...place })
  try {
    await bindPath(server, place)
  } catch (error) {
    if (!isInUse(error)) throw error
    await removeLeftOver(place.path)
    await bindPath(server, place)
  }
}

/** @throws the system's error. */
export async function bind(server: Server, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The file is made within the call, so nobody ever sees it with a wider mode. */
async function bindPath(server: Server, { path, mode }: SocketPath): Promise<void> {
  const before = process.umask(0o777 & ~mode)
  const bound = bind(server, { path })
  process.umask(before)
  await bound
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/** @throws an error with EADDRINUSE when the name is taken for good. */
async function removeLeftOver(path: string): Promise<void> {
  if (!lstatSync(path).isSocket()) throw taken('something that is no socket has this name')
  if (!(await refusesConnections(path))) throw taken('another process listens there')
  rmSync(path)
}

function taken(reason: string): Error {
  return Object.assign(new Error(`${reason} (EADDRINUSE)`), { code: 'EADDRINUSE' })
}

async function refusesConnections(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const asked = connect(path)
    asked.once('connect', () => {
      resolve(false)
      asked.destroy()
    })
    asked.once('error', error => resolve('code' in error && error.code === 'ECONNREFUSED'))
  })
}
