import { closeSync, constants, fchownSync, openSync, writeSync } from 'node:fs'
import { ProxyError } from '../core/index.ts'
import { isBehind, type LineSink } from './line-queue.ts'

export interface LogFileOptions {
  readonly path: string
  /** The owner of a file that root creates for a process that will run as this user. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** Called once when the file cannot be written or reopened, and again only after it has worked in between. */
  readonly onProblem: (problem: string) => void
}

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants

/** The path may be that of a pipe or a terminal, whose reader must not block this thread; on a regular file O_NONBLOCK has no effect. */
const APPEND = O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK | O_NOCTTY
const MODE = 0o640

/** A file that lines are appended to synchronously, so that none is lost when the process exits. */
export class LogFile implements LineSink {
  readonly #options: LogFileOptions
  #fd: number
  #isBroken = false

  /** @throws ProxyError CONFIG when the file cannot be opened. */
  constructor(options: LogFileOptions) {
    this.#options = options
    try {
      this.#fd = open(options)
    } catch (cause) {
      const detail = `the log file cannot be opened: ${messageOf(cause)}`
      throw new ProxyError('CONFIG', { detail, cause })
    }
  }

  write(bytes: Buffer): number {
    try {
      const written = writeSync(this.#fd, bytes)
      this.#isBroken = false
      return written
    } catch (error) {
      if (!isBehind(error)) this.#complain(`lines of the log are lost: ${messageOf(error)}`)
      throw error
    }
  }

  /**
   * Continues in the file that the path now refers to, after logrotate has moved the previous one. If there is none and none can be
   * created, the old one stays in use. @returns whether the file was reopened.
   */
  reopen(): boolean {
    try {
      const fd = open(this.#options)
      closeSync(this.#fd)
      this.#fd = fd
      this.#isBroken = false
      return true
    } catch (error) {
      this.#complain(`the log file cannot be opened anew, the old one goes on: ${messageOf(error)}`)
      return false
    }
  }

  close(): void {
    closeSync(this.#fd)
  }

  #complain(problem: string): void {
    if (!this.#isBroken) this.#options.onProblem(problem)
    this.#isBroken = true
  }
}

function open({ owner, path }: LogFileOptions): number {
  const fd = openSync(path, APPEND, MODE)
  if (owner !== undefined && process.getuid?.() === 0) fchownSync(fd, owner.uid, owner.gid)
  return fd
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
