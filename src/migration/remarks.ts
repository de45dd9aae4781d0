import type { Config, Directive } from '../config/index.ts'

/** How a line behaves, measured by cntlm 0.92 and 0.94. */
export type Verdict = 'same' | 'better' | 'different'

export interface Remark {
  readonly verdict: Verdict
  /** Never holds a secret value. */
  readonly text: string
}

export const same = (text: string): Remark => ({ verdict: 'same', text })
export const better = (text: string): Remark => ({ verdict: 'better', text })
export const different = (text: string): Remark => ({ verdict: 'different', text })

/** The remarks whose condition holds. */
export function remarksOf(...cases: readonly (readonly [boolean, Remark])[]): Remark[] {
  return cases.filter(([holds]) => holds).map(([, remark]) => remark)
}

/** How the bytes of the file beyond ASCII were read. */
export type TextEncoding = 'utf-8' | 'latin-1'

/** What a rule may know besides the line it judges. */
export interface Surroundings {
  /** undefined when the file has an error. */
  readonly config: Config | undefined
  readonly encoding: TextEncoding
  /** Whether no line before this one has the same directive. */
  readonly isFirst: boolean
}

/** What is to be said about a line with this directive; nothing when it is as with cntlm. */
export type Rule = (directive: Directive, around: Surroundings) => readonly Remark[]

export type Rules = Readonly<Record<string, Rule>>

/** What cntlm 0.92 and 0.94 keep of a value: their buffers are 50 and 64 bytes. */
export function cutBy(limits: readonly [number, number]): Rule {
  return ({ value }) => {
    const [in092, in094] = limits
    const length = Buffer.byteLength(value)
    if (length <= in092) return []
    const also = length > in094 ? `, 0.94 the first ${in094}` : ''
    return [better(`cntlm 0.92 uses the first ${in092} bytes of the value alone${also}`)]
  }
}

export function allOf(...rules: readonly Rule[]): Rule {
  return (directive, around) => rules.flatMap(rule => rule(directive, around))
}

/** cntlm hashes byte by byte, as if every file were Latin-1. */
export const latin1Hashed: Rule = ({ value }, { encoding }) =>
  remarksOf([
    encoding === 'utf-8' && hasNonAscii(value),
    better('letters beyond ASCII: cntlm reads this UTF-8 file as Latin-1 and logs on wrongly'),
  ])

export function hasNonAscii(text: string): boolean {
  return /[^\0-\x7f]/.test(text)
}
