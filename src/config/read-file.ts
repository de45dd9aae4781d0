import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'

export interface ReadFile {
  readonly bytes: Buffer
  readonly stats: Stats
}

/** One descriptor for both, so that the times belong to the bytes when an editor replaces the file. */
export function readWithStats(path: string): ReadFile {
  const fd = openSync(path, 'r')
  try {
    return { stats: fstatSync(fd), bytes: readFileSync(fd) }
  } finally {
    closeSync(fd)
  }
}

/**
 * Unix time in ms of the last change of content or mode: chmod and mv count too. 0 for anything but a regular file: a pipe is as old as
 * the process, and /dev/null as old as the container.
 */
export function changeTimeOf(stats: Stats): number {
  return stats.isFile() ? Math.max(stats.mtimeMs, stats.ctimeMs) : 0
}

/** Identifies the file and its length; empty for anything but a regular file, where it would be meaningless. */
export function stampOf(stats: Stats): string {
  return stats.isFile() ? `${stats.ino}:${stats.size}` : ''
}

const READABLE_BY_OTHERS = 0o044

/** Windows has no such bits: node invents them. */
export function isReadableByOthers({ mode }: Stats): boolean {
  return process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
}

export interface Unreadable {
  readonly reason: string
  readonly hint: string | undefined
}

/** What an error of the file system means to a person. */
export function explainUnreadable(error: unknown): Unreadable {
  const code = codeOf(error)
  const hint = code === 'EACCES' ? 'the user that runs tsntlm needs read permission' : undefined
  return { reason: REASONS[code] ?? code, hint }
}

/** Whether the error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
