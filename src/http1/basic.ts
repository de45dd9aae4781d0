import { ProxyError, Secret } from '../core/index.ts'

export interface BasicCredentials {
  readonly user: string
  readonly password: Secret<string>
}

const BASIC = /^basic[ \t]+([A-Za-z0-9+/]+={0,2})[ \t]*$/i
// RFC 7617 section 2: neither part may contain a control character.
const CONTROL = /[\0-\x1f\x7f]/
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses the value of Authorization or Proxy-Authorization as UTF-8, or as Latin-1 when it is not valid UTF-8: RFC 7617
 * leaves the charset open and clients differ.
 * @returns undefined when the value holds no Basic credentials
 */
export function parseBasicCredentials(fieldValue: string): BasicCredentials | undefined {
  const encoded = BASIC.exec(fieldValue)?.[1]
  if (encoded === undefined) return undefined
  const userPass = decodeText(Buffer.from(encoded, 'base64'))
  const colon = userPass.indexOf(':')
  if (colon === -1 || CONTROL.test(userPass)) return undefined
  return { user: userPass.slice(0, colon), password: new Secret(userPass.slice(colon + 1)) }
}

/**
 * The field value `Basic ...` in UTF-8.
 * @throws ProxyError AUTH_UNSUPPORTED when the user name has a colon, or either part a control character
 */
export function formatBasicCredentials(user: string, password: Secret<string>): string {
  if (user.includes(':')) {
    throw new ProxyError('AUTH_UNSUPPORTED', {
      detail: 'Basic cannot carry a user name with a colon',
    })
  }
  const userPass = `${user}:${password.reveal()}`
  if (CONTROL.test(userPass)) {
    throw new ProxyError('AUTH_UNSUPPORTED', {
      detail: 'Basic cannot carry a user name or password with a control character',
    })
  }
  return `Basic ${Buffer.from(userPass, 'utf8').toString('base64')}`
}

function decodeText(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
