import {
  applyEdits,
  findNodeAtLocation,
  modify,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser'
import { type Format, type Key, lineAt, MalformedFile } from './format.ts'

/** Strict JSON, as Docker reads it; values are strings. */
export const JSON_FORMAT: Format = {
  heading: '',
  get(text, key) {
    const value: unknown = findNodeAtLocation(parse(text), [...key])?.value
    return typeof value === 'string' ? value : undefined
  },
  set(text, key, value) {
    const root = parse(text)
    checkParents(text, root, key)
    return edit(text.trim() === '' ? '{}\n' : text, key, value)
  },
  remove(text, key) {
    const root = parse(text)
    if (findNodeAtLocation(root, [...key]) === undefined) return text
    const without = edit(text, key, undefined)
    return key.length > 1 ? removeEmpty(without, key.slice(0, -1)) : without
  },
  isEmpty: text => parse(text).children?.length === 0,
}

function parse(text: string): Node {
  if (text.trim() === '') return { type: 'object', offset: 0, length: 0, children: [] }
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [first] = errors
  if (first !== undefined)
    throw new MalformedFile(lineAt(text, first.offset), `JSON: ${printParseErrorCode(first.error)}`)
  if (root?.type !== 'object') throw new MalformedFile(1, 'JSON: the file is no object')
  return root
}

/** A string in the place of an object would make the editor throw. */
function checkParents(text: string, root: Node, key: Key): void {
  for (let depth = 1; depth < key.length; depth++) {
    const node = findNodeAtLocation(root, key.slice(0, depth))
    if (node !== undefined && node.type !== 'object')
      throw new MalformedFile(
        lineAt(text, node.offset),
        `"${key.slice(0, depth).join('.')}" is no object`,
      )
  }
}

function removeEmpty(text: string, key: Key): string {
  const node = findNodeAtLocation(parse(text), [...key])
  if (node?.type !== 'object' || node.children?.length !== 0) return text
  const without = edit(text, key, undefined)
  return key.length > 1 ? removeEmpty(without, key.slice(0, -1)) : without
}

/** Without the editor's own layout, which would also touch what stands on the same line. */
function edit(text: string, key: Key, value: string | undefined): string {
  const edits = modify(text, [...key], value, {}).map(each =>
    each.length === 0 ? { ...each, content: layOut(text, key, each.content) } : each,
  )
  return applyEdits(text, edits)
}

/** A new member on lines of its own, unless the whole file is one line. */
function layOut(text: string, key: Key, content: string): string {
  if (!text.trimEnd().includes('\n') && text.trim() !== '{}') return content
  const root = parse(text)
  const depth = key.findIndex(
    (_part, i) => findNodeAtLocation(root, key.slice(0, i + 1)) === undefined,
  )
  const unit = /^([ \t]+)"/m.exec(text)?.[1] ?? '  '
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const comma = content.startsWith(',') ? ',' : ''
  const member: unknown = JSON.parse(`{${content.slice(comma.length)}}`)
  const lines = JSON.stringify(member, null, unit).split('\n').slice(1, -1)
  const indented = lines.map(line => eol + unit.repeat(depth) + line).join('')
  return comma + indented + (comma === '' ? eol + unit.repeat(depth) : '')
}
