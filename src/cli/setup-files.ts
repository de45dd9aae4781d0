import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'

/** Why a file cannot be read or written, in words; the path is not in it. */
export class FileTrouble extends Error {}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: run the command as a user that may write there',
  EPERM: 'not permitted: run the command as a user that may write there',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'no space is left',
  EBUSY: 'it is in use: a file that is mounted by itself cannot be replaced',
  ELOOP: 'its links lead in a circle',
}

function trouble(error: unknown): Error {
  const code = codeOf(error)
  if (code === undefined) return error instanceof Error ? error : new Error(String(error))
  return new FileTrouble(REASONS[code] ?? code)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function attempt<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw trouble(error)
  }
}

/**
 * The real file behind a path below `root`, which has no links itself; links are followed, also where it is not there yet.
 * @throws FileTrouble for a link to nothing, or one that leads out of `root`
 */
export function realFile(root: string, path: string): string {
  const real = attempt(() => follow(join(root, path)))
  const top = root === '/' ? '/' : `${root}${sep}`
  if (!real.startsWith(top)) throw new FileTrouble(`it is a link that leads out of ${root}`)
  return real
}

function follow(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      throw new FileTrouble('it is a link to a file that is not there', { cause: error })
    return join(follow(dirname(path)), basename(path))
  }
}

/** @returns undefined where there is no file. @throws FileTrouble when it cannot be read, or is no UTF-8 */
export function readText(path: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (error instanceof TypeError)
      throw new FileTrouble('it is no UTF-8 text, and is left alone', { cause: error })
    throw trouble(error)
  }
}

/** What has to be made so that a file can be there, outermost first. */
export function missingDirectories(path: string): string[] {
  const parent = dirname(path)
  const isThere = statSync(parent, { throwIfNoEntry: false }) !== undefined
  return isThere || parent === path ? [] : [...missingDirectories(parent), parent]
}

export interface NewFile {
  readonly mode: number
  readonly directoryMode: number
}

/**
 * Replaces a file in one step, with the mode and owner that it has. A new one belongs to the owner of the directory, so that
 * root makes no files of its own in the home of a user.
 * @throws FileTrouble
 */
export function replaceFile(path: string, text: string, fresh: NewFile): void {
  attempt(() => {
    for (const directory of missingDirectories(path)) {
      mkdirSync(directory, { mode: fresh.directoryMode })
      own(directory, statSync(dirname(directory)))
    }
    const old = statSync(path, { throwIfNoEntry: false })
    const temporary = join(dirname(path), `.${basename(path)}.tsntlm-new`)
    rmSync(temporary, { force: true })
    try {
      const fd = openSync(temporary, 'wx', 0o600)
      try {
        writeFileSync(fd, text)
        if (process.getuid?.() === 0) {
          const { uid, gid } = old ?? statSync(dirname(path))
          fchownSync(fd, uid, gid)
        }
        fchmodSync(fd, old === undefined ? fresh.mode : old.mode & 0o7777)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(temporary, path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  })
}

/** The link itself and not what it leads to: the directory may be under the hands of the user. */
function own(path: string, { uid, gid }: Stats): void {
  if (process.getuid?.() === 0) lchownSync(path, uid, gid)
}

/** Copies a file to `FILE.tsntlm-backup-TIME` with its mode and owner. @returns the path of the copy @throws FileTrouble */
export function backUp(path: string, unixMs: number): string {
  const time = new Date(unixMs).toISOString().replace(/[-:]|\.\d+/g, '')
  return attempt(() => {
    for (let number = 1; ; number++) {
      const copy = `${path}.tsntlm-backup-${time}${number === 1 ? '' : `-${number}`}`
      try {
        copyFileSync(path, copy, constants.COPYFILE_EXCL)
      } catch (error) {
        if (codeOf(error) === 'EEXIST') continue
        throw error
      }
      own(copy, statSync(path))
      return copy
    }
  })
}

/** Removes a file, and those of the directories that are empty then. @throws FileTrouble */
export function removeFile(path: string, directories: readonly string[]): void {
  attempt(() => {
    rmSync(path, { force: true })
  })
  for (const directory of [...directories].reverse()) {
    try {
      rmdirSync(directory)
    } catch {
      // Somebody else keeps something there.
      return
    }
  }
}
