import { type ErrorCode, ProxyError } from '../core/index.ts'
import { FIELD_TEXT, RECEIVED_TEXT, TARGET_TEXT, TOKEN } from './grammar.ts'
import type { RequestHead, ResponseHead } from './head.ts'
import type { RawHeaders } from './headers.ts'

/**
 * Request line and header section with the empty line, to be written as Latin-1.
 * @throws ProxyError BAD_REQUEST when a part could break out of its line (CR, LF, NUL) or is not a token where one is
 * required
 */
export function serializeRequestHead(head: RequestHead): string {
  if (!TOKEN.test(head.method)) fail('BAD_REQUEST', 'the method is not a token')
  if (!TARGET_TEXT.test(head.target)) {
    fail('BAD_REQUEST', 'the request target is empty or has a space or control character')
  }
  const fields = serializeFields(head.headers, 'BAD_REQUEST')
  return `${head.method} ${head.target} HTTP/1.1\r\n${fields}\r\n`
}

/**
 * Status line and header section with the empty line, to be written as Latin-1.
 * @throws ProxyError BUG when a part is invalid: the parser accepts nothing that is rejected here
 */
export function serializeResponseHead(version: '1.0' | '1.1', head: ResponseHead): string {
  const { status, reason } = head
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    fail('BUG', `a response of status ${status}`)
  }
  if (!FIELD_TEXT.test(reason)) fail('BUG', 'a reason phrase with a control character')
  const fields = serializeFields(head.headers, 'BUG', RECEIVED_TEXT)
  return `HTTP/${version} ${status} ${reason}\r\n${fields}\r\n`
}

/**
 * Field lines, each with its CRLF.
 * @param allowed what a value may consist of
 * @throws ProxyError of the given code at an invalid name or value
 */
export function serializeFields(
  headers: RawHeaders,
  code: ErrorCode,
  allowed = FIELD_TEXT,
): string {
  let text = ''
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    if (!TOKEN.test(name)) fail(code, `field ${i / 2 + 1} has no valid name`)
    if (!allowed.test(value)) fail(code, `there is a forbidden character in "${name}"`)
    text += `${name}: ${value}\r\n`
  }
  return text
}

function fail(code: ErrorCode, detail: string): never {
  throw new ProxyError(code, { detail })
}
