import { createHmac } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Emit, Entropy } from '../core/index.ts'
import type { GuardRecord, Reading, ReadingRecord } from '../policy/index.ts'

/** Keeps what the lock-out guard must not forget when the process ends. */
export interface GuardStore {
  load(account: string): GuardRecord | undefined
  save(account: string, record: GuardRecord): void
}

interface GuardFile {
  readonly version: 1
  /** Makes the keys differ from host to host; accounts cannot be looked up in a table. */
  readonly salt: string
  readonly accounts: Record<
    string,
    {
      readonly rejections: readonly number[]
      readonly pendingSince?: number
      readonly readings?: ReadingRecord
    }
  >
}

/** In memory alone: for the demo, and where no directory can be written. */
export function memoryGuardStore(): GuardStore {
  const records = new Map<string, GuardRecord>()
  return {
    load: account => records.get(account),
    save: (account, record) => void records.set(account, record),
  }
}

/**
 * One small file per host. It holds salted names of accounts, the times of their rejected logons and which readings of
 * their hashes were tried, and nothing that comes from a password or a hash. A file that cannot be written is reported once a process; the guard then works without it.
 */
export function fileGuardStore(directory: string, entropy: Entropy, emit: Emit): GuardStore {
  const file = join(directory, 'logons.json')
  let reported = false
  const report = (error: unknown): void => {
    if (reported) return
    reported = true
    emit({
      type: 'guard.storeFailed',
      file,
      reason: error instanceof Error ? error.message : String(error),
    })
  }
  return {
    load(account) {
      const content = read(file)
      const record = content?.accounts[keyOf(content, account)]
      if (record === undefined) return undefined
      const { rejections, pendingSince, readings } = record
      return { rejections, pendingSince, ...(readings === undefined ? {} : { readings }) }
    },
    save(account, record) {
      try {
        const content = read(file) ?? {
          version: 1,
          salt: entropy.bytes(16).toString('hex'),
          accounts: {},
        }
        write(directory, file, withRecord(content, keyOf(content, account), record))
      } catch (error) {
        report(error)
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

function withRecord(
  content: GuardFile,
  key: string,
  { rejections, pendingSince, readings }: GuardRecord,
): GuardFile {
  const others = Object.entries(content.accounts).filter(([other]) => other !== key)
  const isEmpty = rejections.length === 0 && pendingSince === undefined && readings === undefined
  const own = {
    rejections,
    ...(pendingSince === undefined ? {} : { pendingSince }),
    ...(readings === undefined ? {} : { readings }),
  }
  return { ...content, accounts: Object.fromEntries(isEmpty ? others : [...others, [key, own]]) }
}

/** @returns undefined when the file is not there or not one of ours: it is then written anew. */
function read(file: string): GuardFile | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isGuardFile(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isGuardFile(value: unknown): value is GuardFile {
  if (typeof value !== 'object' || value === null) return false
  if (!('version' in value && 'salt' in value && 'accounts' in value)) return false
  const { version, salt, accounts } = value
  if (
    version !== 1 ||
    typeof salt !== 'string' ||
    typeof accounts !== 'object' ||
    accounts === null
  )
    return false
  return Object.values(accounts).every(isRecord)
}

function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('rejections' in value)) return false
  const pending = 'pendingSince' in value ? value.pendingSince : 0
  return (
    Array.isArray(value.rejections) &&
    value.rejections.every(Number.isFinite) &&
    Number.isFinite(pending) &&
    (!('readings' in value) || isReadingRecord(value.readings))
  )
}

function isReadingRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!('configChangedAt' in value && 'tried' in value)) return false
  return (
    Number.isFinite(value.configChangedAt) &&
    Array.isArray(value.tried) &&
    value.tried.every(isReading) &&
    (!('accepted' in value) || isReading(value.accepted))
  )
}

function isReading(value: unknown): value is Reading {
  return value === 'plain' || value === 'inverted'
}

/** Written beside and renamed: a crash leaves the old file or the new one. */
function write(directory: string, file: string, content: GuardFile): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const fresh = `${file}.new`
  writeFileSync(fresh, `${JSON.stringify(content)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
