import { ProxyError } from '../core/index.ts'

/** In bytes. The largest scripts in use have a few hundred kilobytes. */
export const PAC_SIZE_LIMIT = 1024 * 1024

/**
 * Decodes the text of a PAC script. In this order: byte order mark, charset parameter of `contentType`, UTF-8 if the
 * bytes are valid UTF-8, and Latin-1, in which every byte is a character.
 * @throws ProxyError PAC_SYNTAX for a script that is empty, too large, binary, or a web page.
 */
export function decodePac(bytes: Uint8Array, contentType?: string): string {
  if (bytes.length > PAC_SIZE_LIMIT) {
    throw refusal(`it has ${bytes.length} bytes, more than ${PAC_SIZE_LIMIT}`)
  }
  const text = decode(bytes, contentType)
  if (text.includes('\0')) throw refusal('it is binary, not a script')
  if (text.trim() === '') throw refusal('it is empty')
  // Comes from captive portals and mistyped URLs. A script may start with `<!--`, which JavaScript takes for a comment.
  if (/^\s*<(?:!doctype|html|head|body|\?xml)/i.test(text)) {
    throw refusal('it is a web page, not a script')
  }
  return text
}

function refusal(detail: string): ProxyError {
  return new ProxyError('PAC_SYNTAX', { detail })
}

function decode(bytes: Uint8Array, contentType: string | undefined): string {
  const labels = [markOf(bytes) ?? charsetOf(contentType), 'utf-8']
  for (const label of labels) {
    const text = label === undefined ? undefined : tryDecode(bytes, label)
    if (text !== undefined) return text
  }
  // Not TextDecoder: its latin1 treats 0x80 to 0x9f differently between versions of Node.
  return Buffer.from(bytes).toString('latin1')
}

function markOf([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  return undefined
}

function charsetOf(contentType = ''): string | undefined {
  return /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]
}

/** Undefined when the label is unknown or the bytes are not valid in that charset. */
function tryDecode(bytes: Uint8Array, label: string): string | undefined {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
