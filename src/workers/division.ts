import type { Config } from '../config/index.ts'

/** Limits on an upstream that all processes together must not exceed. */
const SHARED = ['maxSessions', 'maxHandshakes', 'maxWaiting', 'warmMax', 'warmTunnels'] as const

/** Limits of which each process needs at least one to serve. */
const NEEDED: ReadonlySet<string> = new Set(['maxSessions', 'maxHandshakes'])

/**
 * One process's share of the limits; all shares add up to the whole, except where a process needs at least one. Clients are counted before they are handed over.
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
