import type { Clock, Timer } from '../core/index.ts'

/** The destination of the lines. */
export interface LineSink {
  /** Writes what it can without waiting. @returns the number of bytes. @throws the system's error; EAGAIN while the reader is behind. */
  write(bytes: Buffer): number
}

export interface LineQueueOptions {
  readonly clock: Clock
  /** Blocks this thread for the given time; used only while the process exits. */
  readonly block: (ms: number) => void
  readonly sink: LineSink
  /** Called with the number of lost lines once lines are written again. */
  readonly onLost: (lines: number) => void
  /** The limit of the buffer for a reader that is behind. */
  readonly maxBytes?: number
}

const MAX_BYTES = 1_048_576
/** node has no event for a bare descriptor becoming writable, so writes are retried: soon at first, as most readers lag only briefly. */
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 64

/** At exit: how long a reader may accept nothing, and how long writing may take in total. */
const PATIENCE_MS = 2_000
const LONGEST_MS = 10_000
const LOOK_EVERY_MS = 5

const LINE_END = Buffer.from('\n')

/**
 * Lines on their way to a reader that may be slow, hung or gone, none of which may block this thread. A line is written immediately
 * if possible; otherwise it is buffered in order. When the bounded buffer is full, further lines are lost and counted.
 */
export class LineQueue {
  readonly #options: LineQueueOptions
  readonly #maxBytes: number
  #sink: LineSink
  #waiting: Buffer[] = []
  #bytes = 0
  /** The first buffered entry is the rest of a partly written line. */
  #isBegun = false
  /** The last write ended in the middle of a line whose rest was lost. */
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

  /** Lines lost since the start. */
  get lost(): number {
    return this.#lost
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    const isIdle = this.#waiting.length === 0
    // After a loss, wait until half of the buffer is free, so that one line can report all lines lost in one place.
    const isFull = this.#untold > 0 || this.#bytes + bytes.length > this.#maxBytes
    if (!isIdle && isFull) return this.#lose(1)
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    // While lines are buffered only the timer retries: otherwise each line would cost a system call that fails.
    if (isIdle) this.#pump()
  }

  /** Continues at another destination, with the buffered lines. */
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

  /** Blocks this thread until everything is written or the time for the reader is over: the process is about to exit. */
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
      // The disk is full, or the reader is gone: the next line tries again.
      this.#isTorn ||= this.#isBegun
      this.#lose(this.#waiting.length)
      this.#waiting = []
      this.#bytes = 0
      this.#isBegun = false
    }
  }

  /** @returns whether any bytes were written. */
  #writeSome(line: Buffer): boolean {
    // The fragment of a lost line must not become the beginning of this one.
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

/** The error of a non-blocking descriptor while its pipe, socket or terminal is full. */
export function isBehind(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
