import { ProxyError } from '../core/index.ts'
import { parseFields, SectionReader } from './field-section.ts'
import type { RawHeaders } from './headers.ts'
import type { ParserLimits } from './limits.ts'
import { serializeFields } from './serialize.ts'

const CR = 0x0d
const LF = 0x0a

/**
 * chunk-size [ chunk-ext ] CR, RFC 9112 section 7.1. Extensions are skipped, but must not hide a line end. Some servers
 * pad the size with spaces; the body is forwarded in our own chunks, so no later recipient can read it differently.
 */
const SIZE_LINE = /^([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r$/

type State = 'size' | 'data' | 'data-cr' | 'data-lf' | 'trailers'

/**
 * Decodes one chunked body, pushed in pieces. Data is passed on as it arrives, without copying.
 *
 *     size -> data -> data-cr -> data-lf -> size ...   size 0 -> trailers
 */
export class ChunkedDecoder {
  readonly #onData: (bytes: Buffer) => void
  readonly #limits: ParserLimits
  readonly #section: SectionReader
  #state: State = 'size'
  #line = ''
  #remaining = 0
  #trailers: RawHeaders | undefined

  constructor(onData: (bytes: Buffer) => void, limits: ParserLimits) {
    this.#onData = onData
    this.#limits = limits
    this.#section = new SectionReader(limits.headerBytes)
  }

  /** The trailer fields; undefined until the body has ended. */
  get trailers(): RawHeaders | undefined {
    return this.#trailers
  }

  /**
   * Continues decoding at `from`.
   * @returns the offset behind the last byte that belongs to the body: the length of `bytes` unless the body ends
   * @throws ProxyError UPSTREAM_PROTOCOL, or UPSTREAM_HEADER_LIMIT for trailers
   */
  push(bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length && this.#trailers === undefined) {
      switch (this.#state) {
        case 'size':
          at = this.#readSize(bytes, at)
          break
        case 'data':
          at = this.#readData(bytes, at)
          break
        case 'data-cr':
          at = this.#expect(bytes, at, CR, 'data-lf')
          break
        case 'data-lf':
          at = this.#expect(bytes, at, LF, 'size')
          break
        case 'trailers':
          at = this.#readTrailers(bytes, at)
      }
    }
    return at
  }

  #readSize(bytes: Buffer, at: number): number {
    const lf = bytes.indexOf(LF, at)
    const end = lf === -1 ? bytes.length : lf
    // A line never exceeds the limit, so collecting it as a string stays cheap.
    if (this.#line.length + end - at > this.#limits.chunkLineBytes) {
      protocolError(`a chunk size line is longer than ${this.#limits.chunkLineBytes} bytes`)
    }
    const line = this.#line + bytes.toString('latin1', at, end)
    if (lf === -1) {
      this.#line = line
      return end
    }
    const digits = SIZE_LINE.exec(line)?.[1]
    const size = digits === undefined ? NaN : parseInt(digits, 16)
    if (!Number.isSafeInteger(size)) protocolError('a chunk size is not a valid number')
    this.#line = ''
    this.#remaining = size
    this.#state = size === 0 ? 'trailers' : 'data'
    return lf + 1
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#remaining)
    this.#remaining -= end - at
    if (this.#remaining === 0) this.#state = 'data-cr'
    this.#onData(bytes.subarray(at, end))
    return end
  }

  #expect(bytes: Buffer, at: number, byte: number, next: State): number {
    if (bytes[at] !== byte) protocolError('chunk data is not followed by CRLF')
    this.#state = next
    return at + 1
  }

  #readTrailers(bytes: Buffer, at: number): number {
    const text = this.#section.read(bytes, at, true)
    if (text === undefined) return bytes.length
    this.#trailers = parseFields(text, 0, this.#limits.fields)
    return this.#section.next
  }
}

/** The line before a chunk of `length` bytes (not 0, which would end the body). CRLF follows the data. */
export function chunkHeader(length: number): string {
  if (!Number.isSafeInteger(length) || length <= 0) {
    throw new ProxyError('BUG', { detail: `a chunk of ${length} bytes` })
  }
  return `${length.toString(16)}\r\n`
}

/**
 * The end of a chunked body, as a Latin-1 string.
 * @throws ProxyError BAD_REQUEST when a trailer field is invalid
 */
export function lastChunk(trailers: RawHeaders): string {
  return `0\r\n${serializeFields(trailers, 'BAD_REQUEST')}\r\n`
}

function protocolError(detail: string): never {
  throw new ProxyError('UPSTREAM_PROTOCOL', { detail })
}
