import { isDeepStrictEqual } from 'node:util'
import { parse as parseToml, patch } from '@decimalturn/toml-patch'
import { type Format, type Key, MalformedFile } from './format.ts'

/**
 * GitLab Runner's config.toml. Keys: ['runners', runner, 'environment', NAME] is the value of NAME in that list, and
 * ['runners', runner, SCRIPT] is our part of a script, between two comments. A runner goes by its name where no other has it, else by `#` and its number.
 */
export const RUNNER_TOML: Format = {
  heading: '',
  get(text, key) {
    const runner = runnerAt(parse(text), key)
    const [, , field = '', name] = key
    if (runner === undefined) return undefined
    if (name === undefined) return blockIn(scriptOf(runner, field))
    return entriesOf(runner, field)
      .findLast(entry => entry.startsWith(`${name}=`))
      ?.slice(name.length + 1)
  },
  set: (text, key, value) => change(text, key, value),
  remove: (text, key) => change(text, key, undefined),
  isEmpty: text => text.trim() === '',
}

/** What is looked at of a `[[runners]]` section. */
export interface RunnerFacts {
  /** For keys. */
  readonly id: string
  readonly executor: string
  /** Of the `shell` setting; empty when there is none. */
  readonly shell: string
}

/** @throws MalformedFile */
export function runnersIn(text: string): RunnerFacts[] {
  const runners = runnersOf(parse(text))
  return runners.map((runner, i) => ({
    id: idOf(runners, i),
    executor: stringOf(runner['executor']),
    shell: stringOf(runner['shell']),
  }))
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

type Table = Record<string, unknown>

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): Table {
  try {
    const parsed: unknown = parseToml(text)
    return isTable(parsed) ? parsed : {}
  } catch (error) {
    const line = error instanceof Error && 'line' in error ? Number(error.line) : 1
    // The parser's message quotes the line, which may hold the runner's token.
    throw new MalformedFile(line, 'the line is not valid TOML')
  }
}

function runnersOf(root: Table): Table[] {
  const runners = root['runners']
  return Array.isArray(runners) ? runners.filter(isTable) : []
}

function idOf(runners: readonly Table[], index: number): string {
  const name = runners[index]?.['name']
  const isUnique =
    typeof name === 'string' && runners.filter(runner => runner['name'] === name).length === 1
  return isUnique ? name : `#${index}`
}

function runnerAt(root: Table, [, id]: Key): Table | undefined {
  const runners = runnersOf(root)
  return runners.find((_runner, i) => idOf(runners, i) === id)
}

function entriesOf(runner: Table, field: string): string[] {
  const list = runner[field] ?? []
  if (!Array.isArray(list) || !list.every(entry => typeof entry === 'string'))
    throw new MalformedFile(1, `${field} of a runner is no list of strings`)
  return list
}

function scriptOf(runner: Table, field: string): string {
  const script = runner[field] ?? ''
  if (typeof script !== 'string') throw new MalformedFile(1, `${field} of a runner is no string`)
  return script
}

const BEGIN = '# begin of tsntlm setup'
const END = '# end of tsntlm setup'
const BLOCK = new RegExp(`(?:^|\\n)${BEGIN}\\n([^]*?)\\n${END}(?:\\n|$)`)

function blockIn(script: string): string | undefined {
  return BLOCK.exec(script)?.[1]
}

function withBlock(script: string, block: string | undefined): string {
  const bare = script.replace(BLOCK, '\n').replace(/^\n/, '')
  if (block === undefined) return bare
  const before = bare === '' || bare.endsWith('\n') ? bare : `${bare}\n`
  return `${before}${BEGIN}\n${block}\n${END}\n`
}

function change(text: string, key: Key, value: string | undefined): string {
  const wanted = parse(text)
  const runner = runnerAt(wanted, key)
  const [, , field = '', name] = key
  if (runner === undefined) return text
  const fresh =
    name === undefined
      ? withBlock(scriptOf(runner, field), value)
      : withEntry(entriesOf(runner, field), name, value)
  if (fresh.length === 0) Reflect.deleteProperty(runner, field)
  else runner[field] = fresh
  const word = name === undefined || fresh.length === 0 ? field : `"${name}=`
  const edited =
    (value === undefined ? withoutLine(text, word, wanted) : undefined) ??
    patch(text, wanted, { trailingComma: false })
  if (!isDeepStrictEqual(parse(edited), wanted))
    throw new MalformedFile(
      1,
      `TOML: ${field} cannot be edited here without changing something else`,
    )
  return edited
}

/**
 * The text without the one line that begins with a word, where that gives what is wanted: the patching of TOML would also take a
 * comment above it away.
 */
function withoutLine(text: string, word: string, wanted: Table): string | undefined {
  const lines = text.split('\n')
  const candidates = lines.flatMap((line, i) => (line.trim().startsWith(word) ? [i] : []))
  const attempts = candidates.map(i => lines.toSpliced(i, 1).join('\n'))
  return attempts.find(attempt => isDeepStrictEqual(parseOrUndefined(attempt), wanted))
}

function parseOrUndefined(text: string): Table | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

function withEntry(entries: readonly string[], name: string, value: string | undefined): string[] {
  const at = entries.findLastIndex(entry => entry.startsWith(`${name}=`))
  const others = entries.filter((entry, i) => i === at || !entry.startsWith(`${name}=`))
  if (value === undefined) return others.filter(entry => !entry.startsWith(`${name}=`))
  const entry = `${name}=${value}`
  return at < 0
    ? [...others, entry]
    : others.map(each => (each.startsWith(`${name}=`) ? entry : each))
}
