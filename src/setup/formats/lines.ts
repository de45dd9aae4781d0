import { type Format, type Key, MADE_BY, MalformedFile } from './format.ts'

export interface NamedValue {
  readonly name: string
  readonly value: string
}

/** How a file of one setting a line is written. */
export interface LineStyle {
  /** What begins a comment; `#`, `;` and `!` do so too. */
  readonly comment: string
  /** Whether settings stand in a section, `[name]`: keys are then [section, name], else [name]. */
  readonly hasSections: boolean
  /** @returns undefined for a line that is no setting. */
  parse(line: string): NamedValue | undefined
  render(name: string, value: string): string
  /** Whether `http_proxy` and `HTTP_PROXY` are two names. */
  readonly isCaseSensitive?: boolean
  /** What new settings of a section begin with where there are no others to go by. */
  readonly indent?: string
  /** Whether the setting goes on with the next line. */
  continues?(line: string, next: string): boolean
  /** Whether a line that is neither blank, comment, section nor setting may stand there; by default none may. */
  isAllowed?(line: string, previous: string): boolean
}

interface Line {
  readonly text: string
  readonly section: string
  readonly kind: 'blank' | 'header' | 'setting' | 'other'
  readonly name: string
  readonly value: string
}

/** Of several lines with one name the last one counts, as all these readers have it. */
export function lineFormat(style: LineStyle): Format {
  const heading = `${style.comment} ${MADE_BY}`
  return {
    heading: `${heading}\n`,
    get(text, key) {
      const lines = scan(style, text)
      return lines[find(style, lines, key)]?.value
    },
    set(text, key, value) {
      const lines = scan(style, text)
      const old = lines[find(style, lines, key)]
      const texts = lines.map(line => line.text)
      const [section, name] = split(style, key)
      const end = text.includes('\r\n') ? '\r' : ''
      if (old !== undefined) {
        const line = indentOf(old.text) + style.render(old.name, value) + end
        return join(texts.with(lines.indexOf(old), line))
      }
      const line = style.render(name, value) + end
      if (!style.hasSections) return join([...texts, line])
      const last = lines.findLast(each => each.kind !== 'blank' && isSame(each.section, section))
      const indent = last?.kind === 'setting' ? indentOf(last.text) : (style.indent ?? '')
      if (last === undefined) return join([...texts, `[${section}]${end}`, indent + line])
      return join(texts.toSpliced(lines.indexOf(last) + 1, 0, indent + line))
    },
    remove(text, key) {
      const lines = scan(style, text)
      const old = lines[find(style, lines, key)]
      if (old === undefined) return text
      const left = lines.filter(line => line !== old)
      const isBare = left.every(
        ({ kind, section, text: line }) =>
          kind === 'header' || !isSame(section, old.section) || line.trim() === '',
      )
      const kept = left.filter(
        ({ kind, section }) => !(isBare && kind === 'header' && isSame(section, old.section)),
      )
      return join(kept.map(line => line.text))
    },
    isEmpty: text =>
      scan(style, text).every(
        ({ kind, text: line }) =>
          kind === 'header' || line.trim() === '' || line.trim() === heading,
      ),
  }
}

function split(style: LineStyle, key: Key): [section: string, name: string] {
  const [first = '', second = ''] = key
  return style.hasSections ? [first, second] : ['', first]
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** @returns -1 when there is no such setting. */
function find(style: LineStyle, lines: readonly Line[], key: Key): number {
  const [section, name] = split(style, key)
  const at = lines.findLastIndex(
    line =>
      line.kind === 'setting' &&
      (!style.hasSections || isSame(line.section, section)) &&
      (style.isCaseSensitive === true ? line.name === name : isSame(line.name, name)),
  )
  const [line, next] = [lines[at]?.text ?? '', lines[at + 1]?.text ?? '']
  if (at >= 0 && style.continues?.(line, next) === true)
    throw new MalformedFile(at + 1, `${name} takes several lines: put it on one line`)
  return at
}

function scan(style: LineStyle, text: string): Line[] {
  const texts = text.split('\n')
  if (texts.at(-1) === '') texts.pop()
  const lines: Line[] = []
  for (const line of texts) {
    const read = classify(style, line, lines.at(-1))
    if (read === undefined) {
      const shown = line.trim().slice(0, 12)
      throw new MalformedFile(lines.length + 1, `"${shown}..." is no setting, or in no section`)
    }
    lines.push(read)
  }
  return lines
}

/** @returns undefined for a line that must not stand there */
function classify(style: LineStyle, text: string, previous: Line | undefined): Line | undefined {
  const own = { text, section: previous?.section ?? '', name: '', value: '' }
  const bare = text.trim()
  if (isBlank(style, bare)) return { ...own, kind: 'blank' }
  const header = style.hasSections ? /^\[\s*([^\]]*?)\s*\]/.exec(bare)?.[1] : undefined
  if (header !== undefined) return { ...own, section: header, kind: 'header' }
  const setting = style.parse(text.replace(/\r$/, ''))
  const isMisplaced = style.hasSections && own.section === ''
  if (setting !== undefined && !isMisplaced) return { ...own, ...setting, kind: 'setting' }
  return style.isAllowed?.(text, previous?.text ?? '') === true
    ? { ...own, kind: 'other' }
    : undefined
}

function isBlank({ comment }: LineStyle, bare: string): boolean {
  return bare === '' || bare.startsWith(comment) || /^[#;!]/.test(bare)
}

function indentOf(line: string): string {
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

function join(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}
