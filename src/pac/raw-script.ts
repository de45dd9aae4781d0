import { type CancelSignal, ProxyError } from '../core/index.ts'
import { PAC_SIZE_LIMIT } from './decode.ts'

/** A script as received, not decoded. */
export interface RawScript {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/** The source of a script. Remembers what it returned last. */
export interface ScriptSource {
  /**
   * The script, or undefined if it has not changed since the last read.
   * @throws ProxyError PAC_UNAVAILABLE, PAC_SYNTAX if larger than PAC_SIZE_LIMIT, CLIENT_ABORTED.
   */
  read(signal: CancelSignal): Promise<RawScript | undefined>
}

/**
 * Reads a stream to its end, up to PAC_SIZE_LIMIT.
 * @throws ProxyError PAC_SYNTAX for more, and what the stream throws.
 */
export async function readScriptBytes(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > PAC_SIZE_LIMIT) throw tooLarge()
  }
  return Buffer.concat(chunks)
}

export function tooLarge(): ProxyError {
  return new ProxyError('PAC_SYNTAX', { detail: `it has more than ${PAC_SIZE_LIMIT} bytes` })
}

/** @throws ProxyError PAC_UNAVAILABLE */
export function unavailable(detail: string, cause?: unknown): ProxyError {
  return new ProxyError('PAC_UNAVAILABLE', { detail, cause })
}

/** Describes the error of a failed node call in words. */
export function reasonOf(error: unknown, words: Readonly<Record<string, string>>): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = words[code]
  if (text !== undefined) return text
  return error instanceof Error ? error.message : String(error)
}
