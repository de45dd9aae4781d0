import { ProxyError } from '../core/index.ts'
import { FIELD_TEXT, RECEIVED_TEXT, TOKEN, trimOws } from './grammar.ts'

const CR = 0x0d
const LF = 0x0a
const EMPTY = Buffer.alloc(0)
const SECTION_END = Buffer.from('\r\n\r\n', 'latin1')
/** An empty line after a line end, where either may be a bare LF. */
const LF_CRLF = Buffer.from('\n\r\n', 'latin1')
const LF_LF = Buffer.from('\n\n', 'latin1')

export type LineEnds = 'crlf' | 'bare-lf'

/**
 * Finds the empty line that ends a header or trailer section. A section that arrives in one piece, as nearly all do, is
 * searched once and not copied. Pieces are collected in a buffer that doubles, and no byte is searched twice.
 */
export class SectionReader {
  readonly #limit: number
  readonly #takesBareLf: boolean
  #held = EMPTY
  #length = 0
  #next = 0
  #lineEnds: LineEnds = 'crlf'

  /** @param takesBareLf whether a header line may end in a bare LF (RFC 9112 section 2.2). */
  constructor(limitBytes: number, takesBareLf = false) {
    this.#limit = limitBytes
    this.#takesBareLf = takesBareLf
  }

  /** After a section was read: `bare-lf` if at least one line ended in one. */
  get lineEnds(): LineEnds {
    return this.#lineEnds
  }

  /** After a section was read: the offset of the first byte behind it. */
  get next(): number {
    return this.#next
  }

  get isHolding(): boolean {
    return this.#length > 0
  }

  /** The bytes collected of an incomplete section. */
  get held(): Buffer {
    return this.#held.subarray(0, this.#length)
  }

  reset(): void {
    this.#held = EMPTY
    this.#length = 0
  }

  /**
   * Continues reading at `at`.
   * @param mayBeEmpty a trailer section can be nothing but its empty line
   * @returns the lines, joined by CRLF, as Latin-1; undefined while the section is incomplete
   * @throws ProxyError UPSTREAM_HEADER_LIMIT, or UPSTREAM_PROTOCOL at a bare LF or NUL
   */
  read(bytes: Buffer, at: number, mayBeEmpty: boolean): string | undefined {
    if (this.#length > 0) return this.#readHeld(bytes, at, mayBeEmpty)
    const end = this.#findEnd(bytes, at, at, mayBeEmpty)
    if (end === -1) return this.#readHeld(bytes, at, mayBeEmpty)
    this.#next = end
    if (end - at > this.#limit) this.#refuse()
    return this.#text(bytes, at, end)
  }

  /** Trailers follow chunks, whose lines end in CRLF: a sender that gets those right gets trailers right too. */
  #findEnd(bytes: Buffer, start: number, from: number, mayBeEmpty: boolean): number {
    if (this.#takesBareLf && !mayBeEmpty) return findLenientEnd(bytes, from)
    return findEnd(bytes, start, from, mayBeEmpty)
  }

  #text(bytes: Buffer, start: number, end: number): string {
    this.#lineEnds = 'crlf'
    if (!this.#takesBareLf) return sectionText(bytes, start, end)
    const text = bytes.toString('latin1', start, end)
    if (!hasBareLf(text)) return text.slice(0, -SECTION_END.length)
    this.#lineEnds = 'bare-lf'
    return text.replace(/\r?\n/g, '\r\n').slice(0, -SECTION_END.length)
  }

  #readHeld(bytes: Buffer, at: number, mayBeEmpty: boolean): string | undefined {
    const before = this.#length
    this.#hold(bytes, at)
    const held = this.held
    const end = this.#findEnd(held, 0, Math.max(0, before - 3), mayBeEmpty)
    if (end === -1) {
      // The rest may never arrive, so errors found so far are reported now.
      if (!this.#takesBareLf || mayBeEmpty) refuseBareLf(held, before)
      if (held.includes(0, before)) protocolError('there is a NUL in its header')
      if (before + bytes.length - at >= this.#limit) this.#refuse()
      return undefined
    }
    this.#next = at + end - before
    this.reset()
    return this.#text(held, 0, end)
  }

  /** Appends as much as the limit allows. */
  #hold(bytes: Buffer, at: number): void {
    const end = Math.min(bytes.length, at + this.#limit - this.#length)
    const needed = this.#length + end - at
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#held.length))
      this.#held.copy(grown, 0, 0, this.#length)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#length, at, end)
    this.#length = needed
  }

  #refuse(): never {
    throw new ProxyError('UPSTREAM_HEADER_LIMIT', { detail: `more than ${this.#limit} bytes` })
  }
}

/**
 * The fields of a section from the offset `from`, as a flat list. Each obs-fold becomes a space before the value is
 * used (RFC 9112 section 5.2). Space before the colon is rejected, because recipients may disagree about it (section
 * 5.1).
 * @throws ProxyError UPSTREAM_PROTOCOL, or UPSTREAM_HEADER_LIMIT beyond `limit` fields
 */
export function parseFields(text: string, from: number, limit: number): string[] {
  const fields: string[] = []
  let at = from
  while (at < text.length) {
    let end = lineEndFrom(text, at)
    const colon = text.indexOf(':', at)
    const name = text.slice(at, colon)
    if (colon === -1 || colon > end || !TOKEN.test(name)) {
      protocolError(`header line ${fields.length / 2 + 1} has no valid field name`)
    }
    let value = trimOws(text, colon + 1, end)
    const isFolded = isFold(text, end + 2)
    if (isFolded) {
      const lines = [value]
      while (isFold(text, end + 2)) {
        const start = end + 2
        end = lineEndFrom(text, start)
        lines.push(trimOws(text, start, end))
      }
      value = trimOws(lines.join(' '))
    }
    // A folded value is not forwarded as it came.
    if (!(isFolded ? FIELD_TEXT : RECEIVED_TEXT).test(value))
      protocolError(`there is a control character in "${name}"`)
    if (fields.length === 2 * limit) {
      throw new ProxyError('UPSTREAM_HEADER_LIMIT', { detail: `more than ${limit} fields` })
    }
    fields.push(name, value)
    at = end + 2
  }
  return fields
}

function lineEndFrom(text: string, at: number): number {
  const end = text.indexOf('\r\n', at)
  return end === -1 ? text.length : end
}

/** Whether the line at this offset continues the value of the previous line. */
function isFold(text: string, at: number): boolean {
  return text.startsWith(' ', at) || text.startsWith('\t', at)
}

/** The offset behind the empty line, or -1. `from` is where the search starts, `start` where the section does. */
function findEnd(bytes: Buffer, start: number, from: number, mayBeEmpty: boolean): number {
  if (mayBeEmpty && bytes[start] === CR && bytes[start + 1] === LF) return start + 2
  const end = bytes.indexOf(SECTION_END, from)
  return end === -1 ? -1 : end + SECTION_END.length
}

function findLenientEnd(bytes: Buffer, from: number): number {
  const usual = bytes.indexOf(LF_CRLF, from)
  // The body may be long, so it is not searched.
  const header = usual === -1 ? bytes : bytes.subarray(0, usual + LF_LF.length)
  const bare = header.indexOf(LF_LF, from)
  if (bare !== -1) return bare + LF_LF.length
  return usual === -1 ? -1 : usual + LF_CRLF.length
}

function hasBareLf(text: string): boolean {
  for (let lf = text.indexOf('\n'); lf !== -1; lf = text.indexOf('\n', lf + 1)) {
    if (text.charCodeAt(lf - 1) !== CR) return true
  }
  return false
}

function sectionText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, Math.max(start, end - SECTION_END.length))
}

function refuseBareLf(held: Buffer, from: number): void {
  for (let lf = held.indexOf(LF, from); lf !== -1; lf = held.indexOf(LF, lf + 1)) {
    if (held[lf - 1] !== CR) protocolError('a line of its header ends in a bare LF')
  }
}

function protocolError(detail: string): never {
  throw new ProxyError('UPSTREAM_PROTOCOL', { detail })
}
