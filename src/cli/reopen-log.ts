import { askRunning, type ControlArguments } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

/** `tsntlm reopen-log`: the log goes on in the file that has its name by now. @returns the exit code. */
export async function reopenLogCommand(
  args: ControlArguments,
  complain: (line: string) => void,
): Promise<number> {
  const question = { method: 'POST', path: '/log/reopen' } as const
  return (await askRunning('reopen-log', args, question, complain)) === undefined ? FAILED : OK
}
