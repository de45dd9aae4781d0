import {
  assembleConfig,
  type ConfigIssue,
  decodeConfigText,
  type Directive,
  DIRECTIVES,
  parseDirectives,
  printableName,
} from '../config/index.ts'
import { ACCOUNT_RULES } from './account-rules.ts'
import { CLIENT_RULES } from './client-rules.ts'
import { hasByteOrderMark, lineRemarks } from './line-rules.ts'
import { type Remark, type Rules, same, type Surroundings, type TextEncoding } from './remarks.ts'
import { UPSTREAM_RULES } from './upstream-rules.ts'

export interface LineRemark extends Remark {
  readonly line: number
  /** The name of the directive in the table, or what may be shown of another; undefined where the line has none. */
  readonly directive: string | undefined
  /** Said of every line about which there is nothing else to say. */
  readonly isPlain: boolean
}

const RULES: Rules = { ...ACCOUNT_RULES, ...UPSTREAM_RULES, ...CLIENT_RULES }

const NAMES = new Map(
  DIRECTIVES.flatMap(({ name, aliases }) =>
    [name, ...aliases].map(each => [each.toLowerCase(), name] as const),
  ),
)

const OWN = new Set(DIRECTIVES.filter(({ since }) => since === 'tsntlm').map(({ name }) => name))

/** What each line of a cntlm.conf means with tsntlm, compared with cntlm. Its errors are `assembleConfig`'s to tell. */
export function compareWithCntlm(bytes: Buffer, source: string): LineRemark[] {
  const text = decodeConfigText(bytes)
  const { directives, issues } = parseDirectives(text, source)
  const remarks = [...issues.flatMap(asRemark), ...directiveRemarks(directives, bytes, text)]
  return remarks.sort((a, b) => a.line - b.line)
}

/** tsntlm reads lines by cntlm's rules, and says where they are surprising. */
function asRemark({ origin, directive, message }: ConfigIssue): LineRemark[] {
  if (origin === undefined) return []
  const remark = same(`${message}, as with cntlm, which does not say so`)
  return [{ ...remark, line: origin.line, directive, isPlain: false }]
}

function directiveRemarks(
  directives: readonly Directive[],
  bytes: Buffer,
  text: string,
): LineRemark[] {
  const lines = text.split('\n')
  const { config } = assembleConfig(directives)
  const encoding: TextEncoding = isUtf8(bytes, text) ? 'utf-8' : 'latin-1'
  const hasMark = hasByteOrderMark(bytes)
  const seen = new Set<string>()
  return directives.flatMap(directive => {
    const name = canonicalName(directive)
    const isFirst = !seen.has(name)
    seen.add(name)
    const number = directive.origin.line
    const line = { text: lines[number - 1] ?? '', number, isLast: number === lines.length }
    const remarks = [
      ...lineRemarks(line, directive, hasMark),
      ...ruleRemarks(name, directive, { config, encoding, isFirst }),
    ]
    const isPlain = remarks.length === 0
    return (isPlain ? [plainRemark(name)] : remarks).map(remark => ({
      ...remark,
      line: number,
      directive: printableName(name),
      isPlain,
    }))
  })
}

function canonicalName({ name }: Directive): string {
  const lower = name.toLowerCase()
  return NAMES.get(lower) ?? Object.keys(RULES).find(each => each.toLowerCase() === lower) ?? name
}

function isUtf8(bytes: Buffer, text: string): boolean {
  return bytes.equals(Buffer.from(text)) || hasByteOrderMark(bytes)
}

function ruleRemarks(name: string, directive: Directive, around: Surroundings): readonly Remark[] {
  const isKnown = NAMES.has(name.toLowerCase()) || Object.hasOwn(RULES, name)
  if (!isKnown) return [same('is no directive, and is ignored, as with cntlm')]
  const isRepeated = DIRECTIVES.some(spec => spec.name === name && !spec.repeatable)
  if (isRepeated && !around.isFirst) return [same('ignored, as the first one in the file counts')]
  return RULES[name]?.(directive, around) ?? []
}

function plainRemark(name: string): Remark {
  return OWN.has(name)
    ? { verdict: 'better', text: 'a directive of tsntlm, which cntlm ignores' }
    : same('means what it means with cntlm')
}
