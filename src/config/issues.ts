/** Where a directive or an issue comes from. Line and column count from 1; line 0 means the source as a whole. */
export interface Origin {
  /** A file name, `argv`, or `env:` with the name of a variable. */
  readonly source: string
  readonly line: number
  readonly column: number
}

/** How the source of what comes from the environment begins. */
export const ENVIRONMENT = 'env:'

/** One setting as it was written, before anything is known about it. */
export interface Directive {
  readonly name: string
  readonly value: string
  /** Where the value starts. */
  readonly origin: Origin
}

export interface ConfigIssue {
  readonly level: 'error' | 'warning'
  readonly origin: Origin | undefined
  readonly directive: string | undefined
  readonly message: string
  readonly hint: string | undefined
}

/** `file:line:column`, or the source alone where there is no line. An empty name is shown as one. */
export function formatOrigin({ source, line, column }: Origin): string {
  const name = source === '' ? '""' : source
  return line === 0 ? name : `${name}:${line}:${column}`
}

/** `file:line:column: error: Proxy: message (hint)`, without the parts that the issue does not have. */
export function formatIssue({ level, origin, directive, message, hint }: ConfigIssue): string {
  const place = origin === undefined ? [] : [formatOrigin(origin)]
  const subject = directive === undefined ? [] : [directive]
  const text = hint === undefined ? message : `${message} (${hint})`
  return [...place, level, ...subject, text].join(': ')
}

/** In the order of the file, what concerns no line at the end. */
export function sortIssues(issues: readonly ConfigIssue[]): ConfigIssue[] {
  return [...issues].sort((a, b) => {
    if (a.origin === undefined || b.origin === undefined) {
      return Number(a.origin === undefined) - Number(b.origin === undefined)
    }
    return a.origin.line - b.origin.line || a.origin.column - b.origin.column
  })
}
