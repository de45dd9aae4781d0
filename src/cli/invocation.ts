import { isGiven, type RunFlags } from './run-flags.ts'
import type { ProgramName } from './start.ts'

/** How the program was called, and where it says what it has to say. */
export interface Invocation {
  readonly program: ProgramName
  readonly flags: RunFlags
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
}

/** What tsntlm does besides serving; cntlm has no such words, there they are names of upstream proxies. */
const COMMANDS = [
  'check',
  'explain',
  'pac',
  'hash',
  'health',
  'doctor',
  'setup',
  'env',
  'demo',
  'migrate',
  'status',
  'tunnels',
  'reload',
  'drain',
  'log-level',
  'reopen-log',
  'unlock',
]

/** Whether it is to do something else than to serve. */
export function namesCommand(program: ProgramName, { line }: RunFlags): boolean {
  return program === 'tsntlm' && COMMANDS.includes(line.operands[0] ?? '')
}

/** Whether it is to serve, with a command line that is right. */
export function isToServe(program: ProgramName, flags: RunFlags): boolean {
  const { line } = flags
  const isAsking = ['help', 'version'].some(long => isGiven(line, long))
  return !namesCommand(program, flags) && !isAsking && line.errors.length === 0
}
