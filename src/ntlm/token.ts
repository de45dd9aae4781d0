import { malformed } from './malformed.ts'
import { MAX_MESSAGE_LENGTH } from './message-header.ts'

/** Characters of the largest message, checked before anything is decoded. */
const MAX_TEXT_LENGTH = Math.ceil(MAX_MESSAGE_LENGTH / 3) * 4

/**
 * Decodes the token of a Proxy-Authenticate or Proxy-Authorization field. Undefined for empty text, when the scheme
 * stands alone. Missing padding is accepted, as some appliances strip it.
 *
 * @throws ProxyError NTLM_MALFORMED for anything but base64 (RFC 4648 section 4)
 */
export function decodeToken(text: string): Buffer | undefined {
  if (text === '') return undefined
  if (text.length > MAX_TEXT_LENGTH) throw malformed('token-too-long', MAX_TEXT_LENGTH)
  const digits = /^[A-Za-z0-9+/]*/.exec(text)?.[0] ?? ''
  const padding = text.slice(digits.length)
  if (!['', '=', '=='].includes(padding)) throw malformed('token-not-base64', digits.length)
  if (digits.length % 4 === 1 || (padding !== '' && text.length % 4 !== 0)) {
    throw malformed('token-length', text.length)
  }
  return Buffer.from(digits, 'base64')
}

export function encodeToken(message: Buffer): string {
  return message.toString('base64')
}
