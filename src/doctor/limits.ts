import { clientsWithin, parseDescriptorLimit } from '../net/index.ts'
import { type Check, only } from './check.ts'
import { type Judgement, note, ok, skipped } from './finding.ts'

/** Two descriptors for each tunnel: bursts of a CI host stay below this. */
const ENOUGH = 4_096

export const LIMITS: Check = {
  layer: 'limits',
  async run(_facts, { read, run }) {
    const shown = await run('systemctl', [
      'show',
      '--property=MainPID',
      '--value',
      'tsntlm.service',
    ])
    const pid = shown?.stdout.trim() ?? ''
    const isRunning = /^[1-9]\d*$/.test(pid)
    const limits = read(`/proc/${isRunning ? pid : 'self'}/limits`)
    const limit = parseDescriptorLimit(limits ?? '')
    return only(
      limit === undefined
        ? skipped('/proc does not say how many descriptors there may be')
        : judgeDescriptors(limit, isRunning ? 'tsntlm.service' : 'this shell'),
    )
  },
}

export function judgeDescriptors(limit: number, whose: string): Judgement {
  const text = `${whose} may open ${limit === Infinity ? 'any number of' : limit} files and sockets`
  if (limit >= ENOUGH) return ok(text)
  return note(
    `${text}: enough for ${clientsWithin(limit)} clients at once`,
    'LimitNOFILE=65536 in the unit, or ulimit -n 65536',
  )
}
