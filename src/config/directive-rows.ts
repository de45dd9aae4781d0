import { type Config, DEFAULTS, type Draft } from './config.ts'
import type { Origin } from './issues.ts'
import { accept, duration, formatDuration, type Note, type Parsed, type Parser } from './values.ts'

export interface Setting {
  readonly name: string
  readonly value: string
}

export interface DirectiveSpec {
  readonly name: string
  readonly aliases: readonly string[]
  readonly repeatable: boolean
  /** The form of the value. */
  readonly grammar: string
  readonly defaultText: string
  readonly since: 'cntlm' | 'tsntlm'
  /** Only an active directive does something; for the others `doc` says why not. */
  readonly status: 'active' | 'obsolete'
  readonly doc: string
  /** Parses the value into the draft. */
  readonly read: (text: string, draft: Draft, origin: Origin) => Parsed<unknown>
  /** The directive lines that stand for the configuration, secrets masked. */
  readonly show: (config: Config) => readonly Setting[]
}

interface Row {
  readonly grammar: string
  readonly doc: string
  readonly since?: 'tsntlm'
  /** What a value left out means, where the default has no text of its own. */
  readonly otherwise?: string
}

/** Shows a text; one left empty is as if it were not there. */
export const asWritten = (text: string | undefined): string | undefined =>
  text === '' ? undefined : text
export const asYesNo = (value: boolean): string => (value ? 'yes' : 'no')

type SingleKey = Exclude<keyof Config, 'listeners'>

interface SingleRow<K extends SingleKey> extends Row {
  readonly parse: Parser<Draft[K]>
  readonly show: (value: Config[K]) => string | undefined
}

/** A directive that fills one field; of several the assembler reads one. */
export function single<K extends SingleKey>(
  name: string,
  key: K,
  row: SingleRow<K>,
): DirectiveSpec {
  const { grammar, doc, since = 'cntlm', otherwise = 'none', parse } = row
  const show = (config: Config): Setting[] => {
    const value = row.show(config[key])
    return value === undefined ? [] : [{ name, value }]
  }
  return {
    name,
    aliases: [],
    repeatable: false,
    grammar,
    defaultText: show(DEFAULTS)[0]?.value ?? otherwise,
    since,
    status: 'active',
    doc,
    show,
    read: (text, draft) => {
      const parsed = parse(text)
      if (parsed.ok) draft[key] = parsed.value
      return parsed
    },
  }
}

type TimeLimitKey = Extract<keyof Config, `${string}Ms`>

/** A directive that is a duration. */
export function timeLimit(
  name: string,
  key: TimeLimitKey,
  zero: Parameters<typeof duration>[0],
  doc: string,
): DirectiveSpec {
  return single(name, key, {
    grammar: zero === 'off' ? 'duration | off' : 'duration',
    doc: `Time ${doc} (units ms, s, m, h; a bare number is seconds)`,
    since: 'tsntlm',
    parse: duration(zero),
    show: ms => (ms === 0 && zero === 'off' ? 'off' : formatDuration(ms)),
  })
}

interface ListRow<T> extends Row {
  readonly parse: Parser<T>
  /** Takes the value, or says why it was left out. */
  readonly add: (draft: Draft, value: T, origin: Origin) => Note | undefined
  readonly show: (config: Config) => readonly Setting[]
}

/** A directive that may stand in the file any number of times. */
export function list<T>(name: string, row: ListRow<T>): DirectiveSpec {
  const { grammar, doc, since = 'cntlm', otherwise = 'none', parse, add, show } = row
  return {
    name,
    aliases: [],
    repeatable: true,
    grammar,
    defaultText: otherwise,
    since,
    status: 'active',
    doc,
    show,
    read: (text, draft, origin) => {
      const parsed = parse(text)
      if (!parsed.ok) return parsed
      const leftOut = add(draft, parsed.value, origin)
      return leftOut === undefined ? parsed : accept(parsed.value, ...parsed.warnings, leftOut)
    },
  }
}

/** A directive of cntlm that is known and has no effect. */
export function inert(
  name: string,
  grammar: string,
  doc: string,
  aliases: readonly string[] = [],
): DirectiveSpec {
  return {
    name,
    aliases,
    repeatable: true,
    grammar,
    defaultText: 'none',
    since: 'cntlm',
    status: 'obsolete',
    doc,
    read: () => accept(undefined),
    show: () => [],
  }
}
