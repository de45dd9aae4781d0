import { lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { dirname } from 'node:path'
import { ProxyError } from '../core/index.ts'
import { askControl } from './ask.ts'
import { type ControlServerOptions, createControlServer } from './server.ts'

export interface ControlSocket {
  /** Removes the file too. */
  close(): void
}

/** How long a process that holds the socket may take to answer; one that takes longer is alive all the same. */
const ALIVE_MS = 2_000

/**
 * Listens on a socket of the Unix domain that its owner alone can open. What a dead process left there is replaced.
 * @throws ProxyError CONFIG when it cannot be had, or another process listens there.
 */
export async function openControlSocket(
  path: string,
  options: ControlServerOptions,
): Promise<ControlSocket> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    await removeDead(path)
    const server = createControlServer(options)
    await listen(server, path)
    server.unref()
    return {
      close: () => {
        server.close()
        server.closeAllConnections()
      },
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const detail = `the control socket ${path} cannot be opened: ${reason}`
    throw new ProxyError('CONFIG', { detail, cause })
  }
}

async function removeDead(path: string): Promise<void> {
  const there: Stats | undefined = lstatSync(path, { throwIfNoEntry: false })
  if (there === undefined) return
  if (!there.isSocket()) throw new Error('something that is no socket has this name')
  const question = { method: 'GET', path: '/status', timeoutMs: ALIVE_MS } as const
  const answer = await askControl(path, question)
  const isDead = answer.kind === 'unreachable' && answer.why === 'dead'
  if (!isDead) throw new Error('another process listens there, another tsntlm is running')
  unlinkSync(path)
}

/** The file is made within the call, so it never has a wider mode than 0600. */
async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    const before = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(before)
    }
  })
}
