import type { Wire } from './wire.ts'

/** HTTP/1.1 read and written by hand: the judge shares no parser with the program that it judges. */

export interface Head {
  /** The request line or the status line. */
  readonly first: string
  /** Names in small letters. */
  readonly fields: ReadonlyMap<string, string>
}

export type Framing =
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' }
  | { readonly kind: 'none' }

/** Undefined when the connection ends before the head does. */
export async function readHead(wire: Wire, before = ''): Promise<Head | undefined> {
  const text = await wire.until('\r\n\r\n')
  if (text === undefined) return undefined
  const [first = '', ...lines] = (before + text).slice(0, -4).split('\r\n')
  const fields = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { first, fields: new Map(fields) }
}

/** RFC 9112 section 6.3; `rest` is what holds without any field: nothing for requests, until close for answers. */
export function framingOf({ fields }: Head, rest: 'none' | 'close'): Framing {
  if (fields.get('transfer-encoding')?.toLowerCase() === 'chunked') return { kind: 'chunked' }
  const length = fields.get('content-length')
  return length === undefined ? { kind: rest } : { kind: 'length', length: Number(length) }
}

/** Gives the content of a body to `sink`. @returns whether the framing says that it is whole. */
export async function readBody(
  wire: Wire,
  framing: Framing,
  sink: (piece: Buffer) => unknown,
): Promise<boolean> {
  if (framing.kind === 'none') return true
  if (framing.kind === 'length') return readLength(wire, framing.length, sink)
  if (framing.kind === 'chunked') return readChunks(wire, sink)
  for (;;) {
    const piece = await wire.some()
    if (piece === undefined) return wire.ending === 'fin'
    await sink(piece)
  }
}

async function readLength(
  wire: Wire,
  length: number,
  sink: (piece: Buffer) => unknown,
): Promise<boolean> {
  for (let left = length; left > 0;) {
    const piece = await wire.some(left)
    if (piece === undefined) return false
    left -= piece.length
    await sink(piece)
  }
  return true
}

async function readChunks(wire: Wire, sink: (piece: Buffer) => unknown): Promise<boolean> {
  for (;;) {
    const line = await wire.until('\r\n')
    const size = /^([0-9a-f]{1,8})(?:;.*)?\r\n$/i.exec(line ?? '')?.[1]
    if (size === undefined) return false
    const length = Number.parseInt(size, 16)
    if (length === 0) break
    if (!(await readLength(wire, length, sink))) return false
    if ((await wire.exactly(2))?.toString('latin1') !== '\r\n') return false
  }
  for (;;) {
    const trailer = await wire.until('\r\n')
    if (trailer === undefined) return false
    if (trailer === '\r\n') return true
  }
}

/** The content as it goes out under a framing, and for each count of its bytes how much of the content they hold. */
export function encode(content: Buffer, framing: 'length' | 'chunked' | 'close', size = 9_001) {
  if (framing !== 'chunked') return { bytes: content, contentIn: (sent: number) => sent }
  const parts: Buffer[] = []
  const starts: { readonly wire: number; readonly content: number; readonly length: number }[] = []
  let wire = 0
  for (let at = 0; at < content.length; at += size) {
    const piece = content.subarray(at, at + size)
    const line = Buffer.from(`${piece.length.toString(16)}\r\n`)
    starts.push({ wire: wire + line.length, content: at, length: piece.length })
    parts.push(line, piece, Buffer.from('\r\n'))
    wire += line.length + piece.length + 2
  }
  const contentIn = (sent: number): number => {
    const last = starts.findLast(start => start.wire <= sent)
    return last === undefined ? 0 : last.content + Math.min(last.length, sent - last.wire)
  }
  return { bytes: Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]), contentIn }
}

export function framingLine(framing: 'length' | 'chunked' | 'close', length: number): string {
  if (framing === 'close') return 'Connection: close'
  return framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
}

export function statusOf({ first }: Head): number {
  return Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(first)?.[1])
}
