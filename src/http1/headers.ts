import { FIELD_TEXT, trimOws } from './grammar.ts'

/** Header fields as a flat list name, value, name, value, with case, order and duplicates kept, like node's rawHeaders. */
export type RawHeaders = readonly string[]

export const NO_HEADERS: RawHeaders = Object.freeze([])

/** The value of the first field of that name. */
export function getHeader(headers: RawHeaders, name: string): string | undefined {
  const lower = name.toLowerCase()
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i], lower)) return headers[i + 1]
  }
  return undefined
}

/** The values of all fields of that name, in order. */
export function getAllHeaders(headers: RawHeaders, name: string): string[] {
  const lower = name.toLowerCase()
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i], lower)) values.push(headers[i + 1] ?? '')
  }
  return values
}

export function hasHeader(headers: RawHeaders, name: string): boolean {
  return getHeader(headers, name) !== undefined
}

/** A copy with exactly one field of that name: at the position of the first, or at the end. */
export function setHeader(headers: RawHeaders, name: string, value: string): string[] {
  const copy = [...headers]
  replaceHeader(copy, name, value)
  return copy
}

/** Leaves exactly one field of that name: at the position of the first, or at the end. */
export function replaceHeader(headers: string[], name: string, value: string): void {
  const lower = name.toLowerCase()
  let kept = 0
  let isSet = false
  for (let i = 0; i < headers.length; i += 2) {
    const isMeant = isNamed(headers[i], lower)
    if (isMeant && isSet) continue
    headers[kept++] = isMeant ? name : (headers[i] ?? '')
    headers[kept++] = isMeant ? value : (headers[i + 1] ?? '')
    isSet ||= isMeant
  }
  headers.length = kept
  if (!isSet) headers.push(name, value)
}

/** A set of field names. Case-insensitive. */
export class FieldNames {
  readonly #byLength: string[][] = []

  constructor(names: Iterable<string>) {
    for (const name of names) (this.#byLength[name.length] ??= []).push(name.toLowerCase())
  }

  /** Most fields differ in length from all these names; only the others are lower-cased. */
  has(field: string): boolean {
    return this.#byLength[field.length]?.includes(field.toLowerCase()) ?? false
  }
}

/** A copy without the fields of these names. */
export function withoutHeaders(headers: RawHeaders, names: FieldNames): string[] {
  const result: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] ?? ''
    if (!names.has(field)) result.push(field, headers[i + 1] ?? '')
  }
  return result
}

/** The elements of a comma-separated list over all fields of that name, lower-case, without empty ones (RFC 9110 section 5.6.1). */
export function listTokens(headers: RawHeaders, name: string): string[] {
  const lower = name.toLowerCase()
  const tokens: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!isNamed(headers[i], lower)) continue
    for (const element of (headers[i + 1] ?? '').split(',')) {
      const token = trimOws(element).toLowerCase()
      if (token !== '') tokens.push(token)
    }
  }
  return tokens
}

/** Whether the comma-separated list over all fields of that name contains this token. Case-insensitive. */
export function hasListToken(headers: RawHeaders, name: string, token: string): boolean {
  return listTokens(headers, name).includes(token.toLowerCase())
}

/** Whether a field has that lower-case name. The length is compared first, which saves lower-casing most other fields. */
export function isNamed(field: string | undefined, lower: string): boolean {
  return field?.length === lower.length && (field === lower || field.toLowerCase() === lower)
}

/** Whether no value has a control character that some writers reject. */
export function arePlain(headers: RawHeaders): boolean {
  for (let i = 1; i < headers.length; i += 2) {
    if (!FIELD_TEXT.test(headers[i] ?? '')) return false
  }
  return true
}
