import { systemClock } from '../core/index.ts'
import type { ServiceStatus } from '../service/index.ts'
import { askRunning, type ControlArguments } from './control-client.ts'
import { DEGRADED, FAILED, OK } from './exit-code.ts'
import { isDegraded, statusReport } from './status-report.ts'

export interface StatusArguments extends ControlArguments {
  readonly json: boolean
  readonly watch: boolean
}

const WATCH_EVERY_MS = 2_000
/** ECMA-48: cursor to the top left, and everything behind it erased. */
const CLEAR = '\u001b[H\u001b[J'

/** `tsntlm status`: what the running tsntlm is doing. @returns the exit code: 3 when it cannot use any upstream. */
export async function statusCommand(
  args: StatusArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  for (;;) {
    const reply = await askRunning('status', args, { method: 'GET', path: '/status' }, complain)
    if (reply === undefined) return FAILED
    const { body } = reply
    if (!isStatus(body)) {
      complain('tsntlm status: the answer is no status: is it another version of tsntlm?')
      return FAILED
    }
    const text = args.json ? JSON.stringify(body) : statusReport(body).join('\n')
    print(args.watch && process.stdout.isTTY && !args.json ? `${CLEAR}${text}` : text)
    if (!args.watch) return isDegraded(body) ? DEGRADED : OK
    await new Promise<void>(resolve => {
      systemClock.setTimer(WATCH_EVERY_MS, resolve, 'process')
    })
  }
}

function isStatus(body: unknown): body is ServiceStatus {
  const parts = ['configuration', 'listeners', 'upstreams', 'totals', 'lastErrors']
  return typeof body === 'object' && body !== null && parts.every(part => part in body)
}
