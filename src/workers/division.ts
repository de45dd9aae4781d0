import type { Config } from '../config/index.ts'

/** What all processes together must not exceed at an upstream. */
const SHARED = ['maxSessions', 'maxHandshakes', 'maxWaiting', 'warmMax', 'warmTunnels'] as const

/** Of these a process without any could not serve. */
const NEEDED: ReadonlySet<string> = new Set(['maxSessions', 'maxHandshakes'])

/**
 * The part of the limits that one of several processes has; all parts together are the whole. Clients are counted before they are
 * handed over.
 * @param index from 0.
 */
export function partOf(config: Config, index: number, processes: number): Config {
  const part = (whole: number): number =>
    Math.floor(whole / processes) + (index < whole % processes ? 1 : 0)
  const parts = Object.fromEntries(
    SHARED.map(name => [name, Math.max(part(config[name]), NEEDED.has(name) ? 1 : 0)]),
  )
  return { ...config, ...parts, maxClients: 0, maxClientsPerAddress: 0 }
}
