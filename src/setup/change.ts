import type { Format } from './formats/format.ts'
import { FORMATS } from './formats/formats.ts'
import type { PlannedFile, Setting } from './plan.ts'
import { isSameKey, sha256, type WrittenFile, type WrittenSetting } from './record.ts'

/** A file and what is known of it. */
export interface FileState {
  /** undefined where there is no file. */
  readonly text: string | undefined
  readonly entry: WrittenFile | undefined
  /** What a backup holds, undefined when it is gone. */
  readonly readBackup: (path: string) => string | undefined
}

export interface Change {
  /** What the file is to hold. */
  readonly text: string
  /** Whether the file holds something that no backup has. */
  readonly needsBackup: boolean
}

/**
 * The file with the settings of a target, and without those that an earlier run for this target wrote and that are not
 * wanted any more.
 * @throws MalformedFile
 */
export function applyPlan(planned: PlannedFile, target: string, state: FileState): Change {
  const format = FORMATS[planned.format]
  const stale = staleSettings(planned, target, state.entry)
  const reverted = revert(format, state.text ?? format.heading, stale, state.readBackup).text
  const text = planned.settings.reduce((before, setting) => put(format, before, setting), reverted)
  const needsBackup =
    state.text !== undefined &&
    (state.entry === undefined || sha256(state.text) !== state.entry.sha256)
  return { text, needsBackup }
}

function put(format: Format, text: string, { key, value }: Setting): string {
  return format.get(text, key) === value ? text : format.set(text, key, value)
}

function staleSettings(
  { settings }: PlannedFile,
  target: string,
  entry: WrittenFile | undefined,
): WrittenSetting[] {
  return (entry?.settings ?? []).filter(
    ({ key, targets }) =>
      isOnly(targets, target) && !settings.some(wanted => isSameKey(wanted.key, key)),
  )
}

export interface Writing {
  readonly path: string
  readonly target: string
  readonly planned: PlannedFile
  readonly state: FileState
  readonly text: string
  /** Made just before; undefined where there was nothing to keep. */
  readonly backup: string | undefined
  readonly directories: readonly string[]
}

/** What the record says of a file once it is written. */
export function entryAfter(writing: Writing): WrittenFile {
  const { path, target, planned, state, text, backup, directories } = writing
  const { entry } = state
  const stale = staleSettings(planned, target, entry)
  const others = (entry?.settings ?? []).filter(
    ({ key }) => ![...stale, ...planned.settings].some(each => isSameKey(each.key, key)),
  )
  const backups = [...(entry?.backups ?? []), ...(backup === undefined ? [] : [backup])]
  const settings = planned.settings.map(({ key, value }): WrittenSetting => {
    const before = entry?.settings.find(each => isSameKey(each.key, key))
    const isOurs =
      before !== undefined &&
      (state.text === undefined || FORMATS[planned.format].get(state.text, key) === before.value)
    const previous = isOurs ? before.backup : backup
    return {
      key,
      value,
      targets: [...new Set([...(before?.targets ?? []), target])],
      ...(previous === undefined ? {} : { backup: previous }),
    }
  })
  return {
    path,
    format: planned.format,
    created: entry === undefined ? state.text === undefined : entry.created,
    directories: entry === undefined ? directories : entry.directories,
    // Of what tsntlm wrote: a file that only somebody else has changed keeps the old one.
    sha256: entry !== undefined && text === state.text ? entry.sha256 : sha256(text),
    settings: [...others, ...settings],
    backups,
  }
}

export type Undo =
  /** The target has nothing in the file. */
  | { readonly kind: 'nothing' }
  /** The file is no longer there. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'delete' }
  /** Byte for byte what the backup holds. */
  | { readonly kind: 'restore'; readonly text: string; readonly backup: string }
  | {
      readonly kind: 'edit'
      readonly text: string
      /** The last parts of keys that somebody else has changed since: they stay. */
      readonly kept: readonly string[]
      /** Whether the file holds something that no backup has. */
      readonly needsBackup: boolean
      /** What other targets still have in the file. */
      readonly entry: WrittenFile | undefined
    }

/** How to take back what a target has in a file. @throws MalformedFile */
export function undo(target: string, state: FileState): Undo {
  const { entry, text } = state
  if (entry === undefined || !entry.settings.some(({ targets }) => targets.includes(target)))
    return { kind: 'nothing' }
  if (text === undefined) return { kind: 'gone' }
  const mine = entry.settings.filter(({ targets }) => isOnly(targets, target))
  const left = entry.settings
    .filter(setting => !mine.includes(setting))
    .map(setting => ({ ...setting, targets: setting.targets.filter(each => each !== target) }))
  const whole = left.length === 0 ? undoWhole(text, entry, state.readBackup) : undefined
  if (whole !== undefined) return whole
  const format = FORMATS[entry.format]
  const reverted = revert(format, text, mine, state.readBackup)
  if (left.length === 0 && entry.created && format.isEmpty(reverted.text)) return { kind: 'delete' }
  const needsBackup = sha256(text) !== entry.sha256
  // With changes of somebody else in it the file is never again what tsntlm wrote.
  const digest = needsBackup ? entry.sha256 : sha256(reverted.text)
  const rest = { ...entry, settings: left, sha256: digest }
  return { kind: 'edit', ...reverted, needsBackup, entry: left.length === 0 ? undefined : rest }
}

/** Where nobody has changed the file since, and no change of somebody else's lies between two of ours. */
function undoWhole(
  text: string,
  entry: WrittenFile,
  readBackup: FileState['readBackup'],
): Undo | undefined {
  if (sha256(text) !== entry.sha256) return undefined
  const [backup, ...further] = entry.backups
  if (backup === undefined) return entry.created ? { kind: 'delete' } : undefined
  const original = further.length === 0 ? readBackup(backup) : undefined
  return original === undefined || entry.created
    ? undefined
    : { kind: 'restore', text: original, backup }
}

/** Puts back what stood there before, unless somebody else has changed it since. */
function revert(
  format: Format,
  text: string,
  settings: readonly WrittenSetting[],
  readBackup: FileState['readBackup'],
): { readonly text: string; readonly kept: readonly string[] } {
  const kept: string[] = []
  let result = text
  for (const { key, value, backup } of settings) {
    const current = format.get(result, key)
    if (current === undefined) continue
    if (current !== value) {
      kept.push(key.at(-1) ?? '')
      continue
    }
    const original = backup === undefined ? undefined : readBackup(backup)
    const previous = original === undefined ? undefined : format.get(original, key)
    result = previous === undefined ? format.remove(result, key) : format.set(result, key, previous)
  }
  return { text: result, kept }
}

function isOnly(targets: readonly string[], target: string): boolean {
  return targets.length === 1 && targets[0] === target
}
