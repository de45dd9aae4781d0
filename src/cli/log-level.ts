import { askRunning, type ControlArguments } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

export interface LogLevelArguments extends ControlArguments {
  /** undefined shows the one that counts. */
  readonly level: string | undefined
}

/** `tsntlm log-level`: until the next reload or start, when LogLevel counts again. @returns the exit code. */
export async function logLevelCommand(
  args: LogLevelArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { level } = args
  const path = '/log-level'
  const question =
    level === undefined
      ? ({ method: 'GET', path } as const)
      : ({ method: 'POST', path, body: { level } } as const)
  const reply = await askRunning('log-level', args, question, complain)
  if (reply === undefined) return FAILED
  print((reply.body as { readonly level: string }).level)
  return OK
}
