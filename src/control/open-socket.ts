import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ProxyError } from '../core/index.ts'
import { listenAt } from '../net/index.ts'
import { type ControlServerOptions, createControlServer } from './server.ts'

export interface ControlSocket {
  /** Removes the file too. */
  close(): void
}

const OWNER_ALONE = 0o600

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
    const server = createControlServer(options)
    await listenAt(server, { path, mode: OWNER_ALONE })
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
