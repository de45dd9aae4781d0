import { hostname } from 'node:os'
import { Admin, type AdminMove } from '../admin/index.ts'
import { type Config, showAdmin } from '../config/index.ts'
import { type Clock, type Emit, ProxyError } from '../core/index.ts'
import type { Service } from '../service/index.ts'

export interface AdminSurroundings {
  readonly clock: Clock
  /** Asked when somebody looks. */
  readonly service: () => Service
  readonly emit: Emit
}

/** Metrics, health and the status page of a service; served nowhere as yet. */
export function createAdmin({ clock, service, emit }: AdminSurroundings): Admin {
  return new Admin({
    clock,
    nodeVersion: process.version,
    status: () => service().status(),
    work: () => service().tunnels(),
    look: async () => service().look('work'),
    emit,
  })
}

/**
 * Binds the place that a configuration names.
 * @throws ProxyError CONFIG when that is not possible: all is as before then.
 */
export async function moveAdmin(admin: Admin, config: Config): Promise<AdminMove> {
  // A page may be asked for by the name of this host only where other hosts are meant to ask.
  const names = config.adminExposed ? [hostname().toLowerCase()] : []
  try {
    return await admin.moveTo(config.admin, names)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const detail = `Admin cannot be served on ${showAdmin(config.admin)}: ${reason}`
    throw new ProxyError('CONFIG', { detail, cause })
  }
}
