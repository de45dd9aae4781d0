import type { Clock, Timer } from '../core/index.ts'

/** Where lines go in the end. */
export interface LineSink {
  /** Writes what can be written without waiting. @returns how many bytes. @throws the system's error; EAGAIN while the reader is behind. */
  write(bytes: Buffer): number
}

export interface LineQueueOptions {
  readonly clock: Clock
  /** Stops this thread for so long: only where the process ends anyway. */
  readonly block: (ms: number) => void
  readonly sink: LineSink
  /** Told when lines are written again after this many were lost. */
  readonly onLost: (lines: number) => void
  /** What may wait for a reader that is behind. */
  readonly maxBytes?: number
}

const MAX_BYTES = 1_048_576
/** node cannot be told when a bare descriptor takes bytes again, so it is tried: soon at first, as most readers are behind for a moment only. */
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 64

/** At the end: how long a reader may take nothing, and how long it may take altogether. */
const PATIENCE_MS = 2_000
const LONGEST_MS = 10_000
const LOOK_EVERY_MS = 5

const LINE_END = Buffer.from('\n')

/**
 * Lines on their way to a reader that may be slow, hung or gone, none of which may hold up this thread. A line is written at once where
 * that is possible; else it waits, in order, within a bounded buffer, and what comes when that is full is lost and counted.
 */
export class LineQueue {
  readonly #options: LineQueueOptions
  readonly #maxBytes: number
  #sink: LineSink
  #waiting: Buffer[] = []
  #bytes = 0
  /** The first of those that wait is the rest of a line. */
  #isBegun = false
  /** What was written last is a part of a line that was lost with its rest. */
  #isTorn = false
  #timer: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  #lost = 0
  #untold = 0

  constructor(options: LineQueueOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
    this.#sink = options.sink
  }

  /** Lines that were lost since the start. */
  get lost(): number {
    return this.#lost
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    const isIdle = this.#waiting.length === 0
    // After a loss half of the buffer must be free again, so that one line can tell of all that was lost in one place.
    const isFull = this.#untold > 0 || this.#bytes + bytes.length > this.#maxBytes
    if (!isIdle && isFull) return this.#lose(1)
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    // While others wait, the timer is what tries: each line would cost a system call that fails.
    if (isIdle) this.#pump()
  }

  /** Goes on elsewhere, with what waits. */
  redirect(sink: LineSink): void {
    if (this.#isBegun) {
      this.#drop()
      this.#lose(1)
    }
    this.#isTorn = false
    this.#sink = sink
    this.#retryMs = FIRST_RETRY_MS
    this.#pump()
    this.#tellLost()
  }

  /** Waits, in this thread, until everything is written or the reader has had its time: the process is about to end. */
  finish(): void {
    const { block, clock } = this.#options
    const start = clock.now()
    let progressAt = start
    let before = this.#bytes
    for (;;) {
      this.#pump()
      const now = clock.now()
      if (this.#bytes !== before) progressAt = now
      before = this.#bytes
      if (this.#waiting.length === 0) break
      if (now - progressAt >= PATIENCE_MS || now - start >= LONGEST_MS) break
      block(LOOK_EVERY_MS)
    }
    this.#timer?.cancel()
  }

  #pump(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        if (!this.#writeSome(first)) return this.#retryLater()
        if (this.#bytes <= this.#maxBytes / 2) this.#tellLost()
      }
    } catch {
      // A full disk, a reader that has gone: the next line tries again.
      this.#isTorn ||= this.#isBegun
      this.#lose(this.#waiting.length)
      this.#waiting = []
      this.#bytes = 0
      this.#isBegun = false
    }
  }

  /** @returns whether something was written. */
  #writeSome(line: Buffer): boolean {
    // What is left of a lost line must not become the beginning of this one.
    const bytes = this.#isTorn ? Buffer.concat([LINE_END, line]) : line
    const written = writeTo(this.#sink, bytes)
    if (written === 0) return false
    this.#retryMs = FIRST_RETRY_MS
    this.#isTorn = false
    if (written === bytes.length) {
      this.#drop()
      return true
    }
    const rest = bytes.subarray(written)
    this.#bytes += rest.length - line.length
    this.#waiting[0] = rest
    this.#isBegun = true
    return true
  }

  #drop(): void {
    const first = this.#waiting.shift()
    this.#bytes -= first?.length ?? 0
    this.#isBegun = false
  }

  #lose(lines: number): void {
    this.#lost += lines
    this.#untold += lines
  }

  #tellLost(): void {
    if (this.#untold === 0) return
    const lines = this.#untold
    this.#untold = 0
    this.#options.onLost(lines)
  }

  #retryLater(): void {
    this.#timer = this.#options.clock.setTimer(this.#retryMs, () => this.#pump())
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
  }
}

/** @returns 0 while the reader is behind. */
function writeTo(sink: LineSink, bytes: Buffer): number {
  try {
    return sink.write(bytes)
  } catch (error) {
    if (isBehind(error)) return 0
    throw error
  }
}

/** What a descriptor without waiting says while its pipe, socket or terminal is full. */
export function isBehind(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
