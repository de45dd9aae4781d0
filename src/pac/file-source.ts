import { constants, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { isProxyError } from '../core/index.ts'
import { PAC_SIZE_LIMIT } from './decode.ts'
import {
  type RawScript,
  readScriptBytes,
  reasonOf,
  type ScriptSource,
  tooLarge,
  unavailable,
} from './raw-script.ts'

const REASONS = {
  ENOENT: 'the file does not exist',
  EACCES: 'the user that runs tsntlm may not read it',
  ELOOP: 'its symbolic links go round in circles',
  ENOTDIR: 'a part of its path is no directory',
}

export class FileSource implements ScriptSource {
  readonly #path: string
  #version: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  async read(): Promise<RawScript | undefined> {
    try {
      return await this.#read()
    } catch (error) {
      // Whatever is there once it is readable again counts as new.
      this.#version = undefined
      throw isProxyError(error) ? error : unavailable(reasonOf(error, REASONS), error)
    }
  }

  async #read(): Promise<RawScript | undefined> {
    // Without O_NONBLOCK, opening a pipe waits for a writer.
    const file = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw unavailable('it is no regular file')
      const version = versionOf(stats)
      if (version === this.#version) return undefined
      if (stats.size > PAC_SIZE_LIMIT) throw tooLarge()
      const bytes = await readScriptBytes(file.createReadStream({ autoClose: false }))
      this.#version = version
      return { bytes, contentType: undefined }
    } finally {
      await file.close()
    }
  }
}

function versionOf({ dev, ino, size, mtimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs].join()
}
