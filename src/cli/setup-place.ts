import { join, relative } from 'node:path'
import { type FileState, fileIn, MalformedFile, type SetupRecord } from '../setup/index.ts'
import { FileTrouble, readText } from './setup-files.ts'

/** Where `tsntlm setup` works. */
export interface Place {
  /** Absolute; `/` without --root. */
  readonly root: string
  readonly recordFile: string
  readonly record: SetupRecord
}

/** The path as the record has it: without --root, so that an image can be used anywhere. */
export function withoutRoot({ root }: Place, real: string): string {
  return `/${relative(root, real)}`
}

/** @throws FileTrouble */
export function stateOf(place: Place, real: string): FileState {
  return {
    text: readText(real),
    entry: fileIn(place.record, withoutRoot(place, real)),
    readBackup: path => readText(join(place.root, path)),
  }
}

/** Describes in one line why a file cannot be handled; other errors are rethrown. */
export function describeTrouble(path: string, error: unknown): string {
  if (error instanceof FileTrouble) return `${path}: ${error.message}`
  if (!(error instanceof MalformedFile)) throw error
  return `${error.path ?? path}:${error.line}: ${error.message}; correct the file and run this again, it was left as it is`
}
