import type { SocketReader } from './socket-reader.ts'

export interface Content {
  readonly body: Buffer
  /** Trailer section of a chunked body, as it came. */
  readonly trailers: string
}

export const NOTHING: Content = { body: Buffer.alloc(0), trailers: '' }

/** The values of a field in a raw head, message or status line ignored. */
export function fieldValues(head: string, name: string): string[] {
  const wanted = `${name.toLowerCase()}:`
  return head
    .split('\r\n')
    .slice(1)
    .filter(line => line.toLowerCase().startsWith(wanted))
    .map(line => line.slice(wanted.length).trim())
}

/** The body that follows a head: chunked, of a given length, or what `otherwise` says. */
export async function readContent(
  reader: SocketReader,
  head: string,
  otherwise: 'none' | 'until-end',
): Promise<Content> {
  if (fieldValues(head, 'transfer-encoding').join().toLowerCase().includes('chunked')) {
    return await readChunks(reader)
  }
  const length = fieldValues(head, 'content-length')[0]
  if (length !== undefined) return { body: await reader.readBytes(Number(length)), trailers: '' }
  return otherwise === 'none' ? NOTHING : { body: await reader.readToEnd(), trailers: '' }
}

async function readChunks(reader: SocketReader): Promise<Content> {
  const chunks: Buffer[] = []
  for (;;) {
    const size = parseInt((await reader.readUntil('\r\n')).toString('latin1'), 16)
    if (size === 0) break
    chunks.push(await reader.readBytes(size))
    await reader.readBytes(2)
  }
  let trailers = ''
  for (;;) {
    const line = (await reader.readUntil('\r\n')).toString('latin1')
    if (line === '\r\n') return { body: Buffer.concat(chunks), trailers }
    trailers += line
  }
}
