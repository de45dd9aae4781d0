/** Where a setting stands in a file: sections and keys, outermost first. */
export type Key = readonly string[]

/** Edits one kind of file and keeps what else is in it: order, comments, indentation. */
export interface Format {
  /** @throws MalformedFile */
  readonly get: (text: string, key: Key) => string | undefined
  /** Replaces the value, or adds it where the format wants it. @throws MalformedFile */
  readonly set: (text: string, key: Key, value: string) => string
  /** @throws MalformedFile */
  readonly remove: (text: string, key: Key) => string
  /** Whether nothing but empty containers, blank lines and `heading` is left. */
  readonly isEmpty: (text: string) => boolean
  /** The heading of a newly created file; it names its creator if the format has comments. */
  readonly heading: string
}

/** An existing file that cannot be edited without breaking it. */
export class MalformedFile extends Error {
  /** From 1. */
  readonly line: number
  /** If the caller that throws knows it. */
  readonly path: string | undefined
  constructor(line: number, reason: string, path?: string) {
    super(reason)
    this.line = line
    this.path = path
  }
}

/** The comment at the top of a new file. It contains no double dash, because XML comments must not. */
export const MADE_BY = 'Written by "tsntlm setup", which takes it back when it is told to undo.'

/** The line, counted from 1, at an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
