import { type Format, lineAt, MADE_BY, MalformedFile } from './format.ts'
import { type Element, scanXml } from './xml-scan.ts'

const NAMESPACE = 'http://maven.apache.org/SETTINGS/1.2.0'
const HEADING = `<!-- ${MADE_BY} -->\n`
const EMPTY = `<settings xmlns="${NAMESPACE}">\n</settings>\n`

/**
 * A `<proxy>` of Maven's settings.xml by its id: the key is [id], the value what stands inside the element, without
 * white space between tags. A new one comes first, because the first active proxy for a protocol is taken.
 */
export const MAVEN_SETTINGS: Format = {
  heading: HEADING,
  get(text, [id = '']) {
    const found = proxyOf(text, id)
    return found && compact(text.slice(found.contentStart, found.contentEnd))
  },
  set(text, [id = ''], value) {
    const document = isBlank(text) ? text + EMPTY : text
    const found = proxyOf(document, id)
    if (found !== undefined)
      return splice(
        document,
        found.start,
        found.end,
        render(value, indentAt(document, found.start)),
      )
    const settings = settingsOf(document)
    const proxies = child(settings, 'proxies')
    if (proxies === undefined)
      return insertFirst(
        document,
        settings,
        indent =>
          `${indent}<proxies>\n${indent}${UNIT}${render(value, indent + UNIT)}\n${indent}</proxies>\n`,
      )
    if (proxies.end === proxies.contentStart)
      throw new MalformedFile(
        lineAt(document, proxies.start),
        'write <proxies/> as <proxies></proxies>',
      )
    return insertFirst(document, proxies, indent => `${indent}${render(value, indent)}\n`)
  },
  remove(text, [id = '']) {
    const found = proxyOf(text, id)
    if (found === undefined) return text
    const without = removeLines(text, found)
    const proxies = child(settingsOf(without), 'proxies')
    const isBare =
      proxies !== undefined && without.slice(proxies.contentStart, proxies.contentEnd).trim() === ''
    return isBare ? removeLines(without, proxies) : without
  },
  isEmpty(text) {
    if (isBlank(text)) return true
    const settings = settingsOf(text)
    const outside = text.slice(0, settings.start) + text.slice(settings.end)
    return (
      text.slice(settings.contentStart, settings.contentEnd).trim() === '' &&
      outside.trim() === HEADING.trim()
    )
  },
}

const UNIT = '  '

function isBlank(text: string): boolean {
  return text.replace(HEADING, '').trim() === ''
}

function settingsOf(text: string): Element {
  const root = scanXml(text)
  if (root.name !== 'settings')
    throw new MalformedFile(lineAt(text, root.start), `<${root.name}> is not <settings>`)
  return root
}

function child(parent: Element, name: string): Element | undefined {
  return parent.children.find(each => each.name === name)
}

function proxyOf(text: string, id: string): Element | undefined {
  const proxies = isBlank(text) ? undefined : child(settingsOf(text), 'proxies')
  return proxies?.children.find(proxy => {
    const named = child(proxy, 'id')
    return named !== undefined && text.slice(named.contentStart, named.contentEnd).trim() === id
  })
}

function compact(inner: string): string {
  return inner.replace(/>\s+</g, '><').trim()
}

/** The element on several lines; the first one has no indentation of its own. */
function render(value: string, indent: string): string {
  const fields = value.replaceAll('><', `>\n<`).replace(/<(\w+)>\n<\/\1>/g, '<$1></$1>')
  const lines = fields.split('\n').map(line => `${indent}${UNIT}${line}\n`)
  return `<proxy>\n${lines.join('')}${indent}</proxy>`
}

/** Right behind the start tag, or behind the line that it ends; indented one step deeper than the element. */
function insertFirst(text: string, parent: Element, make: (indent: string) => string): string {
  const indent = indentAt(text, parent.start) + UNIT
  const rest = text.slice(parent.contentStart)
  const lineEnd = /^[ \t]*\r?\n/.exec(rest)?.[0]
  if (lineEnd !== undefined) {
    const at = parent.contentStart + lineEnd.length
    return splice(text, at, at, make(indent))
  }
  return splice(
    text,
    parent.contentStart,
    parent.contentStart,
    `\n${make(indent)}${indentAt(text, parent.start)}`,
  )
}

function indentAt(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

/** With its indentation and the end of its line when it stands alone there. */
function removeLines(text: string, { start, end }: Element): string {
  const before = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0
  const after = /^[ \t]*\r?\n/.exec(text.slice(end))?.[0].length ?? 0
  const ownsLine = after > 0 && (start === before || text[start - before - 1] === '\n')
  return ownsLine ? splice(text, start - before, end + after, '') : splice(text, start, end, '')
}

function splice(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end)
}
