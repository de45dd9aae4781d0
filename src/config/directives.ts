import type { DirectiveSpec } from './directive-rows.ts'
import { ACCOUNT } from './directives/account.ts'
import { CLIENTS } from './directives/clients.ts'
import { WAYS } from './directives/ways.ts'
import { LIMITS } from './directives/limits.ts'
import { OPERATION } from './directives/operation.ts'
import { OBSOLETE } from './directives/obsolete.ts'

/** THE table of directives: the assembler, `describeConfig`, the manual and the sample configuration follow it. */
export const DIRECTIVES: readonly DirectiveSpec[] = [
  ...ACCOUNT,
  ...CLIENTS,
  ...WAYS,
  ...LIMITS,
  ...OPERATION,
  ...OBSOLETE,
]

const BY_NAME = new Map(
  DIRECTIVES.flatMap(spec => [spec.name, ...spec.aliases].map(name => [name.toLowerCase(), spec])),
)

/** The directive of a name or alias, in any case. */
export function findDirective(name: string): DirectiveSpec | undefined {
  return BY_NAME.get(name.toLowerCase())
}
