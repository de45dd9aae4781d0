import {
  applyEdits,
  findNodeAtLocation,
  type FormattingOptions,
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

function edit(text: string, key: Key, value: string | undefined): string {
  return applyEdits(text, modify(text, [...key], value, { formattingOptions: layoutOf(text) }))
}

/** The Docker client writes tabs, people write two or four spaces. */
function layoutOf(text: string): FormattingOptions {
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  '
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  }
}
