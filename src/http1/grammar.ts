/** token, RFC 9110 section 5.6.2: methods, field names, schemes. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Field values and reason phrases: visible characters, obs-text, space and tab (RFC 9110 section 5.5), never CR, LF or NUL. */
export const FIELD_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * A field value in a response. Other control characters are invalid too, but a recipient may retain them (RFC 9110
 * section 5.5): they do not end a line, and values that decide on framing are compared exactly.
 */
export const RECEIVED_TEXT = /^[^\0\r\n]*$/

/** A request target that cannot break a request line. request-target.ts interprets it. */
export const TARGET_TEXT = /^[\x21-\x7e\x80-\xff]+$/

/** Removes leading and trailing space and tab: OWS of RFC 9110 section 5.6.3, which is less than trim() removes. */
export function trimOws(text: string, from = 0, to = text.length): string {
  let start = from
  let end = to
  while (start < end && isOws(text.charCodeAt(start))) start += 1
  while (end > start && isOws(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09
}
