import type { ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

export const TEXT = 'text/plain; charset=utf-8'
export const JSON_TYPE = 'application/json; charset=utf-8'

/**
 * The same for every answer: the page takes its parts from here alone, nobody puts it into a frame, and nothing of it is kept. No
 * other site may read any of it, as there is no Access-Control-Allow-Origin.
 */
const SAFETY: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

export function sendAnswer(response: ServerResponse, { status, type, body }: Answer): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, { ...SAFETY, 'Content-Type': type, 'Content-Length': bytes.length })
  response.end(bytes)
}

/** The head of an answer that goes on. */
export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { ...SAFETY, 'Content-Type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
}

export function textAnswer(status: number, lines: readonly string[]): Answer {
  return { status, type: TEXT, body: lines.map(line => `${line}\n`).join('') }
}

export function jsonAnswer(value: unknown): Answer {
  return { status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` }
}
