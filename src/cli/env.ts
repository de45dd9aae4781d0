import {
  exportLines,
  PORTABLE,
  proxyVariables,
  type ShellName,
  unsetLines,
} from '../setup/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { type FactArguments, gatherFacts } from './setup-facts.ts'

export interface EnvArguments extends FactArguments {
  readonly shell: ShellName
  readonly unset: boolean
}

/** `eval "$(tsntlm env)"`: the lines that make a shell's programs use tsntlm, or no longer use it. */
export function envCommand(
  args: EnvArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): number {
  if (args.unset) {
    const names = proxyVariables({ host: 'localhost', port: 1 }, [], PORTABLE).values
    for (const line of unsetLines(names, args.shell)) print(line)
    return OK
  }
  const facts = gatherFacts(args, 'env', complain)
  if (facts === undefined) return FAILED
  const { values, warnings } = proxyVariables(facts.host, facts.noProxy, PORTABLE)
  // On standard error each login would show them.
  for (const warning of warnings) print(`# ${warning}`)
  for (const line of exportLines(values, args.shell)) print(line)
  return OK
}
