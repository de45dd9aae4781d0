/**
 * A value as one word of a log line. Clients choose some of these values, so line ends, terminal escapes and everything else
 * outside printable ASCII is written as \uXXXX; text with spaces, quotes or nothing in it stands in quotes.
 */
export function plain(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(plain).join(',')
  const text = typeof value === 'string' ? value : (JSON.stringify(value) as string | undefined)
  const safe = (text ?? '-').replace(/[^\x20-\x7e]/g, unit => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const needsQuotes = typeof value === 'string' && (safe === '' || /[ "]/.test(safe))
  return needsQuotes ? `"${safe.replaceAll('"', '\\"')}"` : safe
}
