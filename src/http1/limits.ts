/** Limits of a response, beyond which it is rejected. */
export interface ParserLimits {
  /** Bytes of a header section including its status line, and of a trailer section. */
  readonly headerBytes: number
  /** Fields per section. */
  readonly fields: number
  /** 1xx responses before the final one. */
  readonly informational: number
  /** Bytes of a chunk size line with its extensions. */
  readonly chunkLineBytes: number
  /** Whether header lines may end in a bare LF. */
  readonly takesBareLf: boolean
}

export const DEFAULT_LIMITS: ParserLimits = {
  headerBytes: 64 * 1024,
  fields: 1000,
  informational: 32,
  chunkLineBytes: 256,
  takesBareLf: false,
}
