import type { ReloadOutcome } from '../control/index.ts'
import { printable } from './columns.ts'
import { askRunning, type ControlArguments } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

/** Host names in Allow and Deny are looked up, and concurrent reloads are queued. */
const RELOAD_MS = 120_000

/** `tsntlm reload`: like SIGHUP, and reports the outcome. @returns the exit code. */
export async function reloadCommand(
  args: ControlArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const question = { method: 'POST', path: '/reload', timeoutMs: RELOAD_MS } as const
  const reply = await askRunning('reload', args, question, complain)
  if (reply === undefined) return FAILED
  const { account, generation, problems, taken } = reply.body as ReloadOutcome
  for (const problem of problems) complain(printable(problem))
  if (taken) {
    print(`configuration number ${generation} is in use`)
    if (account !== undefined) print(printable(account))
    return OK
  }
  complain(
    `tsntlm reload: the new configuration cannot be used, number ${generation} stays in use and nothing has changed`,
  )
  return FAILED
}
