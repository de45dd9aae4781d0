import { lineAt, MalformedFile } from './format.ts'

export interface Element {
  readonly name: string
  /** Offset of `<`. */
  readonly start: number
  /** Offset behind the start tag. */
  contentStart: number
  /** Offset of the end tag's `<`; equal to contentStart for `<empty/>`. */
  contentEnd: number
  /** Offset behind the end tag. */
  end: number
  readonly children: Element[]
}

const TOKEN =
  /<!--(?:(?!--)[^])*-->|<\?[^]*?\?>|<!\[CDATA\[[^]*?\]\]>|<!DOCTYPE[^[>]*(?:\[[^\]]*\])?\s*>|<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|</g

/**
 * The elements of an XML document with their places in the text, for an editor that leaves the rest alone. Comments, CDATA and
 * processing instructions are passed over, namespaces and entities not looked at.
 * @throws MalformedFile when tags do not pair, or there is not exactly one outermost element.
 */
export function scanXml(text: string): Element {
  const top: Element = node('', 0)
  const open: Element[] = [top]
  for (const match of text.matchAll(TOKEN)) {
    const [token, slash, name, , selfClosing] = match
    const end = match.index + token.length
    const parent = open.at(-1) ?? top
    if (token === '<')
      throw new MalformedFile(lineAt(text, match.index), 'XML: "<" begins no tag that is complete')
    if (name === undefined) continue
    if (slash === '/') {
      if (parent === top || parent.name !== name)
        throw new MalformedFile(lineAt(text, match.index), `XML: </${name}> closes nothing`)
      parent.contentEnd = match.index
      parent.end = end
      open.pop()
      continue
    }
    const element: Element = { ...node(name, match.index), contentStart: end, contentEnd: end, end }
    parent.children.push(element)
    if (selfClosing !== '/') open.push(element)
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined && unclosed !== top)
    throw new MalformedFile(lineAt(text, unclosed.start), `XML: <${unclosed.name}> is never closed`)
  const [root, second] = top.children
  if (root === undefined) throw new MalformedFile(1, 'XML: there is no element')
  if (second !== undefined)
    throw new MalformedFile(lineAt(text, second.start), 'XML: there is a second outermost element')
  const outside = text.slice(0, root.start) + text.slice(root.end)
  if (
    outside
      .replace(/^\uFEFF/, '')
      .replace(TOKEN, '')
      .trim() !== ''
  )
    throw new MalformedFile(1, 'XML: there is text outside the outermost element')
  return root
}

function node(name: string, start: number): Element {
  return { name, start, contentStart: start, contentEnd: start, end: start, children: [] }
}
