import { ProxyError } from '../core/index.ts'
import { ChunkedDecoder } from './chunked.ts'
import { type LineEnds, parseFields, SectionReader } from './field-section.ts'
import { type BodyFraming, responseFraming } from './framing.ts'
import type { ResponseHead } from './head.ts'
import { NO_HEADERS, type RawHeaders } from './headers.ts'
import { DEFAULT_LIMITS, type ParserLimits } from './limits.ts'

/** What a parser reports, in this order: informational*, head, body*, end. Body bytes are views of the pushed buffers. */
export interface ResponseHandler {
  informational(head: ResponseHead): void
  head(head: ResponseHead, framing: BodyFraming): void
  body(bytes: Buffer): void
  end(trailers: RawHeaders): void
}

/**
 *     done --begin--> head --1xx--> head
 *                     head -> fixed | chunked | until-close | done (no body, tunnel)
 *                     fixed | chunked | until-close -> done
 *                     any but done --error--> failed
 */
type State = 'head' | 'fixed' | 'chunked' | 'until-close' | 'done' | 'failed'

/** A missing reason phrase, with or without its space, is common and harmless. */
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const STATUS_LINE_START = 'HTTP/'
const LETTER_H = 0x48
const CR = 0x0d

/**
 * A strict push parser of HTTP/1.x responses on one connection, one response after the other. It owns no socket and
 * keeps no body bytes. After an error it stays failed and throws that error again.
 */
export class ResponseParser {
  readonly #handler: ResponseHandler
  readonly #limits: ParserLimits
  readonly #section: SectionReader
  #decoder: ChunkedDecoder | undefined
  #state: State = 'done'
  #method = ''
  #mayUpgrade = true
  #informational = 0
  #remaining = 0
  #sawBytes = false
  #failure: unknown

  constructor(handler: ResponseHandler, limits: Partial<ParserLimits> = {}) {
    this.#handler = handler
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#section = new SectionReader(this.#limits.headerBytes, this.#limits.takesBareLf)
  }

  /** No response is expected: none was begun, or it has ended. */
  get isIdle(): boolean {
    return this.#state === 'done'
  }

  /** Whether any byte of the latest response has been received. */
  get sawBytes(): boolean {
    return this.#sawBytes
  }

  /**
   * Expects the response to a request of this method.
   * @param mayUpgrade whether the request had the field Upgrade
   * @throws ProxyError BUG while another response is under way
   */
  begin(method: string, mayUpgrade = true): void {
    if (this.#state !== 'done') {
      throw new ProxyError('BUG', { detail: `a response is begun in state ${this.#state}` })
    }
    this.#state = 'head'
    this.#method = method
    this.#mayUpgrade = mayUpgrade
    this.#informational = 0
    this.#sawBytes = false
  }

  /**
   * Takes bytes as received and reports what is complete.
   * @returns the bytes after the end of the message, for instance the first bytes of a tunnel; undefined if none
   * @throws ProxyError UPSTREAM_PROTOCOL or UPSTREAM_HEADER_LIMIT
   */
  push(bytes: Buffer): Buffer | undefined {
    if (bytes.length === 0) return undefined
    if (this.#state === 'done') return bytes
    if (this.#state === 'failed') throw this.#failure
    this.#sawBytes = true
    try {
      const end = this.#advance(bytes)
      return end === bytes.length ? undefined : bytes.subarray(end)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /**
   * The peer has closed, which ends a body that is delimited by the close.
   * @throws ProxyError UPSTREAM_CLOSED when the response is missing or cut off
   */
  finish(): void {
    switch (this.#state) {
      case 'done':
        return
      case 'until-close':
        this.#end(NO_HEADERS)
        return
      case 'failed':
        throw this.#failure
      default:
        throw this.#fail(new ProxyError('UPSTREAM_CLOSED', { detail: this.#whatIsMissing() }))
    }
  }

  #fail(error: unknown): unknown {
    this.#state = 'failed'
    this.#failure = error
    return error
  }

  #whatIsMissing(): string {
    if (!this.#sawBytes) return 'nothing was received'
    if (this.#state === 'head') return 'the header was cut off'
    if (this.#state === 'fixed') return `the body was cut off, ${this.#remaining} bytes are missing`
    return 'the chunked body was cut off'
  }

  /**
   * The offset behind the message, or the length of `bytes` while it continues. Nothing is touched after #end(), as
   * end() may begin anew.
   */
  #advance(bytes: Buffer): number {
    const at = this.#state === 'head' ? this.#readHead(bytes) : 0
    if (at === bytes.length) return at
    switch (this.#state) {
      case 'fixed':
        return this.#readFixed(bytes, at)
      case 'chunked':
        return this.#readChunked(bytes, at)
      case 'until-close':
        this.#handler.body(at === 0 ? bytes : bytes.subarray(at))
        return bytes.length
      default:
        return at
    }
  }

  #readHead(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length) {
      if (!this.#section.isHolding && bytes[at] !== LETTER_H && bytes[at] !== CR) refuseForeign()
      const text = this.#section.read(bytes, at, false)
      if (text === undefined) {
        if (!beginsLikeHttp(this.#section.held)) refuseForeign()
        return bytes.length
      }
      at = this.#section.next
      const head = parseHead(text, this.#limits.fields, this.#section.lineEnds)
      if (head.status >= 200 || head.status === 101) {
        this.#takeHead(head)
        return at
      }
      this.#takeInformational(head)
    }
    return at
  }

  #takeInformational(head: ResponseHead): void {
    this.#informational += 1
    if (this.#informational > this.#limits.informational) {
      throw new ProxyError('UPSTREAM_PROTOCOL', {
        detail: `more than ${this.#limits.informational} informational responses`,
      })
    }
    this.#handler.informational(head)
  }

  #takeHead(head: ResponseHead): void {
    const framing = responseFraming(this.#method, head, this.#mayUpgrade)
    this.#handler.head(head, framing)
    switch (framing.kind) {
      case 'length':
        if (framing.length === 0) return this.#end(NO_HEADERS)
        this.#remaining = framing.length
        this.#state = 'fixed'
        return
      case 'chunked':
        this.#decoder = new ChunkedDecoder(data => this.#handler.body(data), this.#limits)
        this.#state = 'chunked'
        return
      case 'until-close':
        this.#state = 'until-close'
        return
      default:
        this.#end(NO_HEADERS)
    }
  }

  #readFixed(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#remaining)
    this.#remaining -= end - at
    const isWhole = at === 0 && end === bytes.length
    this.#handler.body(isWhole ? bytes : bytes.subarray(at, end))
    if (this.#remaining === 0) this.#end(NO_HEADERS)
    return end
  }

  #readChunked(bytes: Buffer, at: number): number {
    const decoder = this.#decoder
    if (decoder === undefined) throw new ProxyError('BUG', { detail: 'no decoder of chunks' })
    const end = decoder.push(bytes, at)
    if (decoder.trailers !== undefined) this.#end(decoder.trailers)
    return end
  }

  #end(trailers: RawHeaders): void {
    this.#state = 'done'
    this.#decoder = undefined
    this.#handler.end(trailers)
  }
}

/**
 * Status line and fields. Skips one empty line before the status line: RFC 9112 section 2.2 allows that to servers
 * only, but some servers in the field write one CRLF too many after a body.
 */
function parseHead(text: string, fieldLimit: number, lineEnds: LineEnds): ResponseHead {
  const start = text.startsWith('\r\n') ? 2 : 0
  const lineEnd = text.indexOf('\r\n', start)
  const end = lineEnd === -1 ? text.length : lineEnd
  const match = STATUS_LINE.exec(text.slice(start, end))
  if (match === null) {
    throw new ProxyError('UPSTREAM_PROTOCOL', { detail: 'it has no valid HTTP/1.x status line' })
  }
  return {
    version: match[1] === '0' ? '1.0' : '1.1',
    status: Number(match[2]),
    reason: match[3] ?? '',
    ...(lineEnds === 'bare-lf' ? { bareLf: true } : {}),
    headers: parseFields(text, end + 2, fieldLimit),
  }
}

function beginsLikeHttp(held: Buffer): boolean {
  const start = held[0] === CR ? 2 : 0
  return STATUS_LINE_START.startsWith(
    held.toString('latin1', start, start + STATUS_LINE_START.length),
  )
}

/** A peer that speaks another protocol (SSH, SMTP, TLS) may never send an empty line; its first bytes reveal it. */
function refuseForeign(): never {
  throw new ProxyError('UPSTREAM_PROTOCOL', { detail: 'it does not begin with "HTTP/"' })
}
