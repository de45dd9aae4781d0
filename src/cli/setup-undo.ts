import { join } from 'node:path'
import { systemClock } from '../core/index.ts'
import {
  diffLines,
  type FileState,
  type Target,
  undo,
  withFile,
  type WrittenFile,
} from '../setup/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { backUp, realFile, removeFile, replaceFile } from './setup-files.ts'
import { describeTrouble, type Place, stateOf } from './setup-place.ts'
import { saveRecord } from './setup-record.ts'

type Say = (line: string) => void

/** Takes back what `tsntlm setup TARGET --write` wrote: all of it, or what nobody else has changed since. */
export function undoTarget(target: Target, place: Place, print: Say, complain: Say): number {
  const entries = place.record.files.filter(({ settings }) =>
    settings.some(({ targets }) => targets.includes(target.name)),
  )
  if (entries.length === 0) {
    print(`nothing to do: ${place.recordFile} knows of no file written for ${target.name}`)
    return OK
  }
  let { record } = place
  let code: number = OK
  for (const entry of entries) {
    const shown = join(place.root, entry.path)
    try {
      const real = realFile(place.root, entry.path)
      const state = stateOf(place, real)
      const left = takeBack(target, place, { real, state, entry }, print)
      record = withFile(record, entry.path, left)
      saveRecord(place.recordFile, record)
    } catch (error) {
      complain(`tsntlm setup: ${describeTrouble(shown, error)}`)
      code = FAILED
    }
  }
  print('To make it effective: restart what reads the files')
  return code
}

interface Written {
  readonly real: string
  readonly state: FileState
  readonly entry: WrittenFile
}

/** @returns what the record keeps of the file */
function takeBack(
  target: Target,
  place: Place,
  { real, state, entry }: Written,
  print: Say,
): WrittenFile | undefined {
  const result = undo(target.name, state)
  const mode = { mode: 0o600, directoryMode: 0o700 }
  switch (result.kind) {
    case 'nothing':
      return entry
    case 'gone':
      print(`${real}: is no longer there`)
      return undefined
    case 'delete':
      removeFile(
        real,
        entry.directories.map(each => join(place.root, each)),
      )
      print(`removed: ${real}`)
      return undefined
    case 'restore':
      replaceFile(real, result.text, mode)
      removeFile(join(place.root, result.backup), [])
      print(`restored as it was: ${real}`)
      return undefined
    case 'edit':
      if (result.text === state.text) {
        print(`${real}: nothing to take back`)
      } else {
        if (result.needsBackup) print(`backup: ${backUp(real, systemClock.wallMs())}`)
        replaceFile(real, result.text, mode)
        print(`edited, for it was changed since or other targets use it: ${real}`)
        for (const line of diffLines(state.text ?? '', result.text)) print(`  ${line}`)
      }
      if (result.kept.length > 0)
        print(`left alone, for they were changed since: ${result.kept.join(', ')} in ${real}`)
      return result.entry
  }
}
