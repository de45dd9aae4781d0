import {
  type BodyFraming,
  type ParserLimits,
  type RawHeaders,
  type ResponseHead,
  ResponseParser,
} from '../../../src/http1/index.ts'
import { type ErrorCode, isProxyError } from '../../../src/core/index.ts'

/** Everything a parser said about one response. */
export interface ReadResponse {
  readonly informational: readonly ResponseHead[]
  readonly head: ResponseHead | undefined
  readonly framing: BodyFraming | undefined
  readonly body: string
  readonly trailers: RawHeaders | undefined
  readonly leftover: string
  readonly error: ErrorCode | undefined
  readonly detail: string | undefined
}

export interface ReadOptions {
  readonly method?: string
  readonly limits?: Partial<ParserLimits>
  /** The peer stays: no finish() after the last piece. */
  readonly staysOpen?: boolean
}

/** Text as bytes, one for each character. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Reads one response from pieces. Throws when the parser breaks the order of its events or fails with anything but a ProxyError. */
export function readResponse(pieces: readonly Buffer[], options: ReadOptions = {}): ReadResponse {
  const informational: ResponseHead[] = []
  let head: ResponseHead | undefined
  let framing: BodyFraming | undefined
  let trailers: RawHeaders | undefined
  let leftover = ''
  let failure: { code: ErrorCode; detail: string | undefined } | undefined
  const body: Buffer[] = []
  const inOrder = (isRight: boolean, event: string) => {
    if (!isRight || trailers !== undefined || failure !== undefined) {
      throw new Error(`${event} out of order`)
    }
  }
  const parser = new ResponseParser(
    {
      informational(value) {
        inOrder(head === undefined, 'informational')
        informational.push(value)
      },
      head(value, how) {
        inOrder(head === undefined, 'head')
        head = value
        framing = how
      },
      body(bytes) {
        inOrder(head !== undefined && bytes.length > 0, 'body')
        body.push(bytes)
      },
      end(value) {
        inOrder(head !== undefined, 'end')
        trailers = value
      },
    },
    options.limits,
  )
  parser.begin(options.method ?? 'GET')
  try {
    for (const piece of pieces) leftover += parser.push(piece)?.toString('latin1') ?? ''
    if (options.staysOpen !== true) parser.finish()
  } catch (error) {
    if (!isProxyError(error)) throw error
    failure = { code: error.code, detail: error.detail }
  }
  return {
    informational,
    head,
    framing,
    body: Buffer.concat(body).toString('latin1'),
    trailers,
    leftover,
    error: failure?.code,
    detail: failure?.detail,
  }
}

/** The bytes whole, byte by byte, and cut in two at every offset. */
export function* everyCut(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes]
  yield Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  for (let at = 1; at < bytes.length; at += 1) yield [bytes.subarray(0, at), bytes.subarray(at)]
}
