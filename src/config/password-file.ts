import { lstatSync, statfsSync, statSync, type Stats } from 'node:fs'
import { Secret } from '../core/index.ts'
import type { PasswordFile } from './assemble.ts'
import type { ConfigIssue } from './issues.ts'
import { decodeConfigText } from './lexer.ts'
import {
  changeTimeOf,
  explainUnreadable,
  isMissing,
  isReadableByOthers,
  type ReadFile,
  readWithStats,
  stampOf,
} from './read-file.ts'
import { accept, type Parsed, refuse } from './values.ts'

export interface PasswordReading {
  /** undefined when there is an error among the issues. */
  readonly password: Secret<string> | undefined
  readonly issues: readonly ConfigIssue[]
  /** Unix time in ms, see `passwordChangedAt`; undefined when it could not be read. */
  readonly changedAtMs: number | undefined
  /** See ConfigFile. */
  readonly stamp: string
}

export interface PasswordSurroundings {
  /** Unix time in ms at which this process began. */
  readonly startedAtMs: number
  /** Folders that only this service can enter, whatever the modes of the files in them are. */
  readonly closedFolders: readonly string[]
}

const LIMIT_BYTES = 64 * 1024

/** Reads the password from the first line of a file. Errors are returned as issues, nothing is thrown. */
export function readPasswordFile(
  { path, origin }: PasswordFile,
  { startedAtMs, closedFolders }: PasswordSurroundings,
): PasswordReading {
  const issue = (level: ConfigIssue['level'], message: string, hint?: string): ConfigIssue => ({
    level,
    origin,
    directive: 'PasswordFile',
    message: `${path}: ${message}`,
    hint,
  })
  let file: ReadFile
  try {
    const refusal = refuseUnread(statSync(path))
    if (refusal !== undefined) return failed(issue('error', refusal))
    file = readWithStats(path)
  } catch (error) {
    const { reason, hint } = explainUnreadable(error)
    return failed(issue('error', `the password cannot be read: ${reason}`, hint))
  }
  const parsed = parsePasswordFile(file.bytes)
  if (!parsed.ok) return failed(issue('error', parsed.error, parsed.hint))
  const issues = parsed.warnings.map(({ message, hint }) => issue('warning', message, hint))
  const isClosed = closedFolders.some(folder => path.startsWith(`${folder}/`))
  if (!isClosed && isReadableByOthers(file.stats)) {
    issues.push(issue('warning', 'other users can read the password', `chmod 600 ${path}`))
  }
  const changedAtMs = changedAt(path, file.stats, startedAtMs)
  const stamp = changedAtMs === 0 ? '' : stampOf(file.stats)
  return { password: parsed.value, issues, changedAtMs, stamp }
}

/** An inaccessible file counts as present: the error on reading it tells what to do. */
export function isThere(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch (error) {
    return !isMissing(error)
  }
}

function failed(issue: ConfigIssue): PasswordReading {
  return { password: undefined, issues: [issue], changedAtMs: undefined, stamp: '' }
}

/** Checked before opening: a pipe without a writer would block the program, and a device has no end. */
function refuseUnread(stats: Stats): string | undefined {
  if (stats.isDirectory()) return 'the password cannot be read: it is a directory'
  if (!stats.isFile()) return 'the password cannot be read: it is no regular file'
  return stats.size > LIMIT_BYTES
    ? 'the file has more than 64 KiB, it holds no password'
    : undefined
}

/** The first line, in the encodings of a configuration file. No message contains any part of it. */
export function parsePasswordFile(bytes: Buffer): Parsed<Secret<string>> {
  if (bytes.length > LIMIT_BYTES)
    return refuse('the file has more than 64 KiB, it holds no password')
  const [first = '', ...others] = decodeConfigText(bytes).split('\n')
  const line = first.replace(/\r$/, '')
  // UTF-16 is full of NUL; in Windows-1252 a euro sign is a control character of Latin-1.
  if (bytes.includes(0) || /[^\P{Cc}\t]/u.test(line)) {
    return refuse('the file holds control characters', 'save it as UTF-8 text')
  }
  if (line === '') {
    return refuse('the first line of the file is empty', 'the password is to stand there')
  }
  return others.some(other => other.trim() !== '')
    ? accept(new Secret(line), {
        message: 'the file has more lines, they were ignored',
        hint: 'the first line is the password',
      })
    : accept(new Secret(line))
}

/** Magic numbers of statfs(2). */
const MEMORY_FILE_SYSTEMS = { tmpfs: 0x01021994, ramfs: 0x858458f6 }

/**
 * Credentials of systemd and secrets of Docker swarm are copied into memory when the service starts: the time of such a file
 * is that of the start. Taken for a new password, it would let a service that is restarted in a loop show a wrong one each time.
 * So the time of a file in memory counts only when it was changed while this process ran.
 * @returns Unix time in ms, 0 when the time says nothing.
 */
function changedAt(path: string, stats: Stats, startedAtMs: number): number {
  const time = changeTimeOf(stats)
  const isInMemory = Object.values(MEMORY_FILE_SYSTEMS).includes(statfsSync(path).type)
  return isInMemory && time <= startedAtMs ? 0 : time
}
