import { Secret } from '../core/index.ts'
import type { Dialect, HeaderSetting, SocksUser } from './config.ts'

/** What a parser has to say about a value without showing it, where the value may be secret. */
export interface Note {
  readonly message: string
  readonly hint?: string
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Note[] }
  | { readonly ok: false; readonly error: string; readonly hint: string | undefined }

export type Parser<T> = (text: string) => Parsed<T>

export function accept<T>(value: T, ...warnings: readonly Note[]): Parsed<T> {
  return { ok: true, value, warnings }
}

export function refuse(error: string, hint?: string): Parsed<never> {
  return { ok: false, error, hint }
}

/** A value for a message: short, and with everything escaped that could write to a terminal. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text
  return JSON.stringify(short).replace(
    /\p{C}/gu,
    char => `\\u{${char.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}

/** A name or another plain text: no control characters. */
export function parseText(text: string): Parsed<string> {
  return /\p{Cc}/u.test(text) ? refuse('control characters are not allowed') : accept(text)
}

/** As parseText, where an empty value is the same as none. */
export function parseOptionalText(text: string): Parsed<string | undefined> {
  return text === '' ? accept(undefined) : parseText(text)
}

/** Any text. As with cntlm an empty password is none, so that hashes behind it count. */
export function parsePassword(text: string): Parsed<Secret<string> | undefined> {
  return accept(text === '' ? undefined : new Secret(text))
}

/** 16 bytes in hexadecimal. */
export function parseHash(text: string): Parsed<Secret<Buffer>> {
  const hint = 'tsntlm hash prints the line as it must be'
  if (text.length !== 32) {
    return refuse(`32 hexadecimal digits are needed, got ${text.length} characters`, hint)
  }
  if (!/^[0-9a-f]+$/i.test(text)) {
    return refuse('32 hexadecimal digits are needed, got other characters', hint)
  }
  return accept(new Secret(Buffer.from(text, 'hex')))
}

/** One of a few words, in any case. */
export function oneOf<T extends string>(...words: readonly T[]): Parser<T> {
  return text => {
    const word = words.find(each => each.toLowerCase() === text.toLowerCase())
    return word === undefined
      ? refuse(`the value must be one of ${words.join(', ')}, got ${quote(text)}`)
      : accept(word)
  }
}

const WEAKNESS: Readonly<Record<Dialect, string | undefined>> = {
  NTLMv2: undefined,
  NTLM2SR:
    'NTLM2SR is NTLMv1 with a client challenge: whoever records a logon finds the hash in hours',
  NTLM: 'NTLM is NTLMv1 with LM: whoever records a logon finds the hash in hours, the password in minutes',
  NT: 'NT is NTLMv1: whoever records a logon finds the hash in hours',
  LM: 'LM is broken: whoever records a logon finds the password in minutes',
}

export function parseDialect(text: string): Parsed<Dialect> {
  const hint = 'NTLMv2 is what current proxies want'
  if (text.toLowerCase() === 'gss') return refuse('Kerberos (GSS) is not supported', hint)
  const parsed = oneOf<Dialect>('NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM')(text)
  if (!parsed.ok) return refuse(parsed.error, hint)
  const message = WEAKNESS[parsed.value]
  const weak = { hint: 'use NTLMv2 unless the proxy cannot' }
  return message === undefined ? parsed : accept(parsed.value, { message, ...weak })
}

export function parseYesNo(text: string): Parsed<boolean> {
  const parsed = oneOf('yes', 'no')(text)
  return parsed.ok ? accept(parsed.value === 'yes') : parsed
}

/** cntlm takes everything but `yes` for no. */
export function parseLenientYesNo(text: string): Parsed<boolean> {
  const parsed = parseYesNo(text)
  if (parsed.ok) return parsed
  const message = `${quote(text)} counts as no`
  return accept(false, { message, hint: 'only yes switches it on' })
}

/**
 * A C integer literal whose bytes are in wire order: 0x06820000 stands for the NegotiateFlags 0x00008206. What is no such
 * literal, or 0, leaves the flags to the dialect, as with cntlm.
 */
export function parseNegotiateFlags(text: string): Parsed<number | undefined> {
  const isNumber = /^(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i.test(text)
  const number = /^0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text)
  if (!isNumber || number > 0xffffffff) {
    const message = `${quote(text)} is no 32-bit number and was ignored`
    return accept(undefined, { message, hint: 'for example 0x06820000' })
  }
  return accept(number === 0 ? undefined : swapBytes(number))
}

/** Turns the order of the four bytes. */
export function swapBytes(number: number): number {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes.readUInt32LE()
}

/** A whole number from `least` to `most`. */
export function count(least: number, most: number): Parser<number> {
  return text => {
    const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN
    return number >= least && number <= most
      ? accept(number)
      : refuse(`a whole number from ${least} to ${most} is needed, got ${quote(text)}`)
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** What setTimeout can wait for: longer timers fire at once. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * A duration in milliseconds: `500ms`, `2.5s`, `15m`, `1h`; a bare number is seconds.
 * @param zero what 0 means: nothing (it is refused), no waiting, or no limit, which may be written `off`.
 */
export function duration(zero: 'refused' | 'at once' | 'off'): Parser<number> {
  return text => {
    if (zero === 'off' && text.toLowerCase() === 'off') return accept(0)
    const match = /^([0-9]{1,10}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/i.exec(text)
    const ms = Math.round(Number(match?.[1]) * (UNIT_MS[(match?.[2] ?? 's').toLowerCase()] ?? NaN))
    const hint = 'durations are written 500ms, 2.5s, 15m or 1h, a bare number is seconds'
    if (Number.isNaN(ms)) return refuse(`${quote(text)} is no duration`, hint)
    if (ms > LONGEST_MS) return refuse(`at most 24 days are possible, got ${quote(text)}`, hint)
    return ms === 0 && zero === 'refused' ? refuse('the duration must not be 0', hint) : accept(ms)
  }
}

/** The shortest text that `duration` reads back. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`
  return ms % 100 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}

/** Fields that frame the message or belong to one connection: tsntlm writes them itself (RFC 9110 section 7.6.1). */
const OWN_FIELDS = [
  'connection',
  'content-length',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** `Name: value` by RFC 9110 section 5; undefined for what cannot be set. The value may be a secret and is never shown. */
export function parseHeader(text: string): Parsed<HeaderSetting | undefined> {
  const colon = text.indexOf(':')
  const hint = 'the form is Header Name: value'
  if (colon < 0) return accept(undefined, { message: 'there is no colon, it was ignored', hint })
  const name = text.slice(0, colon).trimEnd()
  const value = text.slice(colon + 1).trim()
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) {
    // With cntlm such a line finds no field to replace.
    return accept(undefined, { message: `${quote(name)} is no header name, it was ignored`, hint })
  }
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    return refuse(`the value of ${name} holds characters that HTTP does not allow`)
  }
  if (OWN_FIELDS.includes(name.toLowerCase())) {
    return accept(undefined, { message: `${name} is written by tsntlm itself, it was ignored` })
  }
  return accept({ name, value })
}

/** Must be absolute: a service and a shell have different working directories. */
export function parseAbsolutePath(text: string): Parsed<string> {
  const isAbsolute = /^(\/|[a-z]:[\\/])/i.test(text)
  if (!isAbsolute) return refuse(`an absolute path is needed, got ${quote(text)}`)
  return parseText(text)
}

/** sun_path of unix(7) has 108 bytes with the zero at the end, elsewhere 104. */
const SOCKET_PATH_BYTES = 103

export function parseSocketPath(text: string): Parsed<string> {
  if (text.toLowerCase() === 'off') return accept('off')
  if (Buffer.byteLength(text) > SOCKET_PATH_BYTES)
    return refuse(`the path of a socket has ${SOCKET_PATH_BYTES} bytes at most`)
  return parseAbsolutePath(text)
}

/** RFC 1929 section 2: both have a length of one byte. */
const SOCKS_FIELD_BYTES = 255

/** `user:password`, split at the first colon, because a password may contain colons. */
export function parseSocksUser(text: string): Parsed<SocksUser> {
  const colon = text.indexOf(':')
  const [user, password] = [text.slice(0, colon), text.slice(colon + 1)]
  if (colon < 1 || password === '') {
    return refuse('it does not name a user and a password', 'the form is user:password')
  }
  if ([user, password].some(field => Buffer.byteLength(field) > SOCKS_FIELD_BYTES)) {
    return refuse('user and password have at most 255 bytes each in SOCKS5')
  }
  return accept({ user, password: new Secret(password) })
}

/** The URL that logon checks request, or `off`. */
export function parseLogonCheck(text: string): Parsed<string> {
  if (text.toLowerCase() === 'off') return accept('off')
  const hint = 'such as http://intranet.example/ that the proxy answers quickly'
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return refuse(`the value must be a URL or off, got ${quote(text)}`, hint)
  }
  if (url.protocol !== 'http:')
    return refuse('a logon check is a plain GET, so it needs an http: URL', hint)
  if (url.username !== '' || url.password !== '')
    return refuse('the URL must not hold credentials', hint)
  url.hash = ''
  return accept(url.href)
}
