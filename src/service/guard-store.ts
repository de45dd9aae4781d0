import { createHmac } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Emit, Entropy } from '../core/index.ts'
import type { GuardRecord, Reading, ReadingRecord, RefusedSecret } from '../policy/index.ts'
import { withFileLock } from './file-lock.ts'

/** Persists what the lock-out guard must not forget when the process ends. */
export interface GuardStore {
  /** @returns `unreadable` when a record exists but cannot be read: it may contain rejections. */
  load(account: string): GuardRecord | 'unreadable' | undefined
  /** @returns whether the record was saved. */
  save(account: string, record: GuardRecord): boolean
}

interface GuardFile {
  readonly version: 1
  /** Makes the keys differ from host to host, so that accounts cannot be looked up in a table. */
  readonly salt: string
  readonly accounts: Readonly<Record<string, GuardRecord>>
}

/** Keeps records in memory only: for the demo, and for processes whose guards are in another process. */
export function memoryGuardStore(): GuardStore {
  const records = new Map<string, GuardRecord>()
  return {
    load: account => records.get(account),
    save: (account, record) => {
      records.set(account, record)
      return true
    },
  }
}

/**
 * Keeps records in one small file per host: salted account names, the times of rejected logons, where the rejected
 * secret came from, and which readings of hashes were tried. Nothing is derived from a password or a hash. Several
 * processes may share the file: each adds its rejections to those of the others. Each reason for a failed read or write
 * is reported once per process.
 */
export function fileGuardStore(directory: string, entropy: Entropy, emit: Emit): GuardStore {
  const file = join(directory, 'logons.json')
  const reported = new Set<string>()
  /** The rejections in the file that this process knows of, by account. */
  const known = new Map<string, readonly number[]>()
  const report = (reason: string): void => {
    if (reported.has(reason)) return
    reported.add(reason)
    emit({ type: 'guard.storeFailed', file, reason })
  }
  return {
    load(account) {
      const content = read(file)
      if (typeof content === 'string') {
        report(`${content}; it counts as one rejected logon`)
        return 'unreadable'
      }
      const record = content?.accounts[keyOf(content, account)]
      if (record === undefined) return undefined
      known.set(account, record.rejections)
      return record
    },
    save(account, record) {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        withFileLock(`${file}.lock`, () => {
          const found = read(file)
          const content: GuardFile =
            found === undefined || typeof found === 'string'
              ? { version: 1, salt: entropy.bytes(16).toString('hex'), accounts: {} }
              : found
          const key = keyOf(content, account)
          const merged = merge(record, content.accounts[key], known.get(account) ?? [])
          known.set(account, merged.rejections)
          const suffix = `${process.pid}-${entropy.bytes(4).toString('hex')}`
          write(file, `${file}.${suffix}`, withRecord(content, key, merged))
        })
        return true
      } catch (error) {
        report(error instanceof Error ? error.message : String(error))
        return false
      }
    },
  }
}

function keyOf({ salt }: GuardFile, account: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex'))
    .update(account.toUpperCase())
    .digest('hex')
    .slice(0, 32)
}

/** Keeps rejections that other processes have added since, unless an accepted logon has cleared them. */
function merge(
  record: GuardRecord,
  stored: GuardRecord | undefined,
  known: readonly number[],
): GuardRecord {
  const foreign = (stored?.rejections ?? []).filter(
    at => !known.includes(at) && !record.rejections.includes(at),
  )
  if (record.rejections.length === 0 || foreign.length === 0) return record
  return { ...record, rejections: [...record.rejections, ...foreign].sort((a, b) => a - b) }
}

function withRecord(content: GuardFile, key: string, record: GuardRecord): GuardFile {
  const others = Object.entries(content.accounts).filter(([other]) => other !== key)
  const { exceptions = [], pendingSince, readings, refused, rejections } = record
  const isEmpty =
    rejections.length + exceptions.length === 0 &&
    pendingSince === undefined &&
    refused === undefined &&
    readings === undefined
  return { ...content, accounts: Object.fromEntries(isEmpty ? others : [...others, [key, record]]) }
}

/** @returns undefined when there is no file, a reason when it cannot be used. */
function read(file: string): GuardFile | string | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isGuardFile(parsed) ? parsed : 'the file is damaged'
  } catch (error) {
    if (error instanceof SyntaxError) return 'the file is damaged'
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return undefined
    return `the file cannot be read (${String(code)})`
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isGuardFile(value: unknown): value is GuardFile {
  if (!isObject(value)) return false
  const { accounts, salt, version } = value
  if (version !== 1 || typeof salt !== 'string' || !isObject(accounts)) return false
  return Object.values(accounts).every(isRecord)
}

function isRecord(value: unknown): value is GuardRecord {
  if (!isObject(value)) return false
  const { exceptions, pendingSince, readings, refused, rejections } = value
  return (
    areTimes(rejections) &&
    (exceptions === undefined || areTimes(exceptions)) &&
    (pendingSince === undefined || Number.isFinite(pendingSince)) &&
    (refused === undefined || isRefused(refused)) &&
    (readings === undefined || isReadingRecord(readings))
  )
}

function areTimes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(Number.isFinite)
}

function isRefused(value: unknown): value is RefusedSecret {
  if (!isObject(value)) return false
  const { hadWorked, origin, until } = value
  return typeof hadWorked === 'boolean' && typeof origin === 'string' && Number.isFinite(until)
}

function isReadingRecord(value: unknown): value is ReadingRecord {
  if (!isObject(value)) return false
  const { accepted, configChangedAt, tried } = value
  return (
    Number.isFinite(configChangedAt) &&
    Array.isArray(tried) &&
    tried.every(isReading) &&
    (accepted === undefined || isReading(accepted))
  )
}

function isReading(value: unknown): value is Reading {
  return value === 'plain' || value === 'inverted'
}

/** Writes a temporary file, syncs and renames it: a crash leaves the old file or the new one. */
function write(file: string, fresh: string, content: GuardFile): void {
  try {
    const fd = openSync(fresh, 'wx', 0o600)
    try {
      writeSync(fd, `${JSON.stringify(content)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(fresh, file)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
}
