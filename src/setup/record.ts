import { createHash } from 'node:crypto'
import type { Key } from './formats/format.ts'
import { type FormatName, isFormatName } from './formats/formats.ts'
import type { Setting } from './plan.ts'

export interface WrittenSetting extends Setting {
  /** The targets that want it: it is taken back with the last one. */
  readonly targets: readonly string[]
  /** The backup that has what stood there before; undefined where nothing did. */
  readonly backup?: string
}

export interface WrittenFile {
  /** Without --root, links followed. */
  readonly path: string
  readonly format: FormatName
  /** Whether it was not there before. */
  readonly created: boolean
  /** What had to be made for it, outermost first. */
  readonly directories: readonly string[]
  /** Of the whole file as it was written last: tells whether somebody else has changed it since. */
  readonly sha256: string
  readonly settings: readonly WrittenSetting[]
  /** Oldest first. */
  readonly backups: readonly string[]
}

/** What `tsntlm setup` has written, so that it can be taken back. Holds no values but those that tsntlm wrote itself. */
export interface SetupRecord {
  readonly version: 1
  readonly files: readonly WrittenFile[]
}

export const EMPTY_RECORD: SetupRecord = { version: 1, files: [] }

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function fileIn(record: SetupRecord, path: string): WrittenFile | undefined {
  return record.files.find(file => file.path === path)
}

/** The record with another entry for a file, or without one. */
export function withFile(
  { files }: SetupRecord,
  path: string,
  entry: WrittenFile | undefined,
): SetupRecord {
  const others = files.filter(file => file.path !== path)
  return { version: 1, files: entry === undefined ? others : [...others, entry] }
}

export function isSameKey(a: Key, b: Key): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i])
}

/** @returns undefined when the text is no record. */
export function parseRecord(text: string): SetupRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is SetupRecord {
  return (
    isObject(value) &&
    value['version'] === 1 &&
    Array.isArray(value['files']) &&
    value['files'].every(isWrittenFile)
  )
}

function isWrittenFile(value: unknown): boolean {
  if (!isObject(value)) return false
  const { path, format, created, directories, sha256: digest, settings, backups } = value
  return (
    typeof path === 'string' &&
    typeof format === 'string' &&
    isFormatName(format) &&
    typeof created === 'boolean' &&
    typeof digest === 'string' &&
    isStrings(directories) &&
    isStrings(backups) &&
    Array.isArray(settings) &&
    settings.every(isSetting)
  )
}

function isSetting(value: unknown): boolean {
  return (
    isObject(value) &&
    isStrings(value['key']) &&
    typeof value['value'] === 'string' &&
    isStrings(value['targets']) &&
    (value['backup'] === undefined || typeof value['backup'] === 'string')
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every(each => typeof each === 'string')
}
