import { lstatSync, rmSync } from 'node:fs'
import { connect, type ListenOptions, type Server } from 'node:net'
import type { HostPort } from '../core/index.ts'

/** A Unix domain socket. */
export interface SocketPath {
  readonly path: string
  /** Permissions as for chmod(1): 0o600 restricts it to its owner. */
  readonly mode: number
}

/**
 * Makes a node server listen. Replaces a stale socket file left by a killed process; leaves sockets that are in use,
 * and files that are not sockets, alone.
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

/** The file is created within the call, so it never has a wider mode. */
async function bindPath(server: Server, { path, mode }: SocketPath): Promise<void> {
  const before = process.umask(0o777 & ~mode)
  const bound = bind(server, { path })
  process.umask(before)
  await bound
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

/** @throws an error with EADDRINUSE when the name is really in use. */
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
