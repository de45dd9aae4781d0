import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { type ControlActions, type ControlSocket, openControlSocket } from '../control/index.ts'
import { type Emit, toProxyError } from '../core/index.ts'
import { type Identity, makeDirectoryFor } from '../service/index.ts'
import { usualSocket } from './control-path.ts'

export interface ChosenSocket {
  readonly path: string
  /** The configuration names it. */
  readonly isConfigured: boolean
}

/** Where the running program can be reached, if anywhere; what it needs root for is done. */
export function chooseControlSocket(
  configured: string | undefined,
  identity: Identity | undefined,
): ChosenSocket | undefined {
  if (configured === 'off') return undefined
  const isRoot = process.getuid?.() === 0
  const path = configured ?? usualSocket({ env: process.env, isRoot, isThere: existsSync })
  if (path === undefined) return undefined
  const isConfigured = configured !== undefined
  if (identity !== undefined) prepare(identity, { path, isConfigured })
  return { path, isConfigured }
}

/** Without a directory the usual socket cannot be opened, which is said then. */
function prepare(identity: Identity, { path, isConfigured }: ChosenSocket): void {
  try {
    makeDirectoryFor(identity, dirname(path))
  } catch (error) {
    if (isConfigured) throw error
  }
}

/** @throws ProxyError CONFIG when a socket that is configured cannot be had; without the usual one it goes on. */
export async function openControl(
  socket: ChosenSocket | undefined,
  actions: ControlActions,
  emit: Emit,
): Promise<ControlSocket | undefined> {
  if (socket === undefined) return undefined
  try {
    const onBug = (error: unknown): void => emit({ type: 'bug', error })
    return await openControlSocket(socket.path, { actions, onBug })
  } catch (thrown) {
    if (socket.isConfigured) throw thrown
    const error = toProxyError(thrown)
    emit({ type: 'control.failed', reason: error.detail ?? error.message })
    return undefined
  }
}
