import type { AddressRule } from '../core/index.ts'

export interface AccessRule {
  readonly action: 'allow' | 'deny'
  readonly rule: AddressRule
}

export interface AccessVerdict {
  readonly allowed: boolean
  /** The rule that decided, as the configuration wrote it. */
  readonly rule: string
}

/** The first rule that matches decides; where none does, access is allowed, as with cntlm. */
export function checkAccess(rules: readonly AccessRule[], address: string): AccessVerdict {
  const found = rules.find(({ rule }) => rule.matches(address))
  if (found === undefined) return { allowed: true, rule: 'no rule matches' }
  return {
    allowed: found.action === 'allow',
    rule: `${found.action === 'allow' ? 'Allow' : 'Deny'} ${found.rule.text}`,
  }
}
