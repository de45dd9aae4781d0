import type { RawHeaders } from './headers.ts'

/** A request as sent upstream, always as HTTP/1.1. */
export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly headers: RawHeaders
}

/** A response as received. Text is Latin-1: one character per byte. `bareLf`: a line of its head ended in a bare LF. */
export interface ResponseHead {
  readonly version: '1.0' | '1.1'
  readonly status: number
  readonly reason: string
  readonly bareLf?: true
  readonly headers: RawHeaders
}
