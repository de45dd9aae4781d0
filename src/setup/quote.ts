/** In double quotes with backslashes in front of `"` and `\`: git, curl, systemd, YAML. */
export function doubleQuote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** What stands between double quotes, or the text itself. */
export function unquote(text: string): string {
  const inner = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1]
  return inner === undefined ? text : inner.replace(/\\(.)/g, '$1')
}

/** A word of a POSIX shell command; in single quotes only where it needs them. */
export function shellQuote(text: string): string {
  return /^[\w./:@,+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

export function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
