import { formatHostPort, parseAddressRule, parseHostPort } from '../core/index.ts'
import type { AdminAddress } from './config.ts'
import { accept, parseAbsolutePath, type Parsed, parseSocketPath, quote, refuse } from './values.ts'

/** A port alone must not be open to containers, whatever Gateway says. */
const LOOPBACK = '127.0.0.1'

const FORM = 'the form is port, address:port, unix:/path or off'

/** `port`, `address:port`, `unix:/path` or `off`. Names are not taken: whom an address is open to must be plain to see. */
export function parseAdmin(text: string): Parsed<AdminAddress | undefined> {
  if (text.toLowerCase() === 'off') return accept(undefined)
  if (/^unix:/i.test(text)) return parseUnixAddress(text.slice('unix:'.length))
  const parsed = parseHostPort(/^[0-9]+$/.test(text) ? `${LOOPBACK}:${text}` : text)
  if (parsed === undefined) return refuse(`${quote(text)} is no port and no address with one`, FORM)
  const { host, port } = parsed
  if (host === 'localhost') return accept({ host: LOOPBACK, port })
  return /^[0-9a-f.:]+$/.test(host) && parseAddressRule(host) !== undefined
    ? accept({ host, port })
    : refuse(`${quote(host)} is no address`, FORM)
}

function parseUnixAddress(text: string): Parsed<AdminAddress> {
  const parsed = text.startsWith('/') ? parseSocketPath(text) : parseAbsolutePath(text)
  return parsed.ok ? accept({ path: parsed.value }) : parsed
}

export function showAdmin(address: AdminAddress | undefined): string {
  if (address === undefined) return 'off'
  return 'path' in address ? `unix:${address.path}` : formatHostPort(address)
}

const loopback = ['127.0.0.0/8', '::1'].map(parseAddressRule)

/** Whether only this host reaches the address; as for a socket, only whom its file lets in. */
export function isPrivate(address: AdminAddress): boolean {
  return 'path' in address || loopback.some(rule => rule?.matches(address.host) === true)
}
