import type { Served } from '../config/index.ts'

/** A listening socket that a service manager opened before this process started. */
export interface InheritedSocket {
  readonly fd: number
  /** FileDescriptorName= of the socket unit, by default the unit's name. */
  readonly name: string
}

/** 0, 1 and 2 are standard input, output and error: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3

/** The sockets that the environment passes to the process `pid`, according to sd_listen_fds_with_names(3). */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedSocket[] {
  // Variables left over from a parent are meant for another process.
  if (env['LISTEN_PID'] !== String(pid)) return []
  const count = Number(env['LISTEN_FDS'])
  if (!Number.isInteger(count) || count < 1) return []
  const names = env['LISTEN_FDNAMES']?.split(':') ?? []
  return Array.from({ length: count }, (_, index) => ({
    fd: FIRST_FD + index,
    name: names[index] ?? 'unknown',
  }))
}

/** The protocol on an inherited socket: HTTP unless its name says `socks5`. */
export function servedOn({ name }: InheritedSocket): Served {
  return { kind: name.toLowerCase().startsWith('socks5') ? 'socks5' : 'http' }
}
