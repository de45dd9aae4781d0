import type { TunnelsAnswer } from './control-actions.ts'
import { systemClock } from '../core/index.ts'
import { bytes, columns, printable, span } from './columns.ts'
import { askRunning, type ControlArguments } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

export interface TunnelsArguments extends ControlArguments {
  readonly json: boolean
}

/** `tsntlm tunnels`: what is open, the oldest first. @returns the exit code. */
export async function tunnelsCommand(
  args: TunnelsArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const reply = await askRunning('tunnels', args, { method: 'GET', path: '/tunnels' }, complain)
  if (reply === undefined) return FAILED
  const answer = reply.body as TunnelsAnswer
  if (args.json) print(JSON.stringify(answer.tunnels))
  else for (const line of tunnelsReport(answer, systemClock.wallMs())) print(line)
  return OK
}

const HEAD = ['ID', 'CLIENT', 'METHOD', 'TARGET', 'VIA', 'AGE', 'IN', 'OUT', 'IDLE']

/** @param now Unix time in ms. */
export function tunnelsReport({ tunnels }: TunnelsAnswer, now: number): string[] {
  if (tunnels.length === 0) return ['no tunnel is open, and no request is being answered']
  const rows = [...tunnels]
    .sort((a, b) => a.startedAt - b.startedAt)
    .map(one => [
      one.id,
      one.client,
      one.method,
      one.target,
      one.route === 'direct' ? 'direct' : (one.upstream ?? '-'),
      span(now - one.startedAt),
      bytes(one.bytesIn),
      bytes(one.bytesOut),
      one.lastMovedAt === undefined ? '-' : span(now - one.lastMovedAt),
    ])
  return columns([HEAD, ...rows]).map(printable)
}
